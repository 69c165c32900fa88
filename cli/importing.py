"""`import`: definitions from a graph; `schema`: JSON Schemas for editors; `lint`: vocabulary and runnable outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.build import OWN, definition_folders, load_definitions, read_addresses
from config import Settings
from devserver.backends.sources import Source
from devserver.definitions.definition_files import write_definitions
from devserver.definitions.process import ImportProcesses, Job
from devserver.nodes.prompting.wordlists import WordsError, read_words
from schemas.catalog import Catalog
from schemas.editors import SCHEMA_FILES, editor_schemas
from schemas.errors import DefinitionError
from schemas.importing.admit import existing_files
from schemas.importing.drafts import name_from
from schemas.importing.form import ImportRefused
from schemas.lint import lint_backend
from schemas.nodes import NodeTable, TableError
from schemas.sources import read_source

PROBLEMS_SHOWN = 8


def own_folder(settings: Settings) -> Path:
    """Return the folder that definitions are written into: the last of the user's own, or `definitions/`."""
    return settings.definitions[-1] if settings.definitions else OWN


async def import_file(settings: Settings, file: Path, *, name: str | None, table: Path | None, replace: bool) -> str:
    """Write definitions made from a file; return a report for a person.

    Raises:
        ImportRefused: with every reason.
    """
    folder = own_folder(settings)
    folders = [path for path in definition_folders(settings) if path.is_dir()]
    name = name or name_from(file.stem)
    live = _table_of(table) if table else await _live_table(settings)
    found = existing_files(name, folders)
    old = [path for path in found if replace and path.is_relative_to(folder)]
    if others := [path for path in found if path not in old]:
        raise ImportRefused(f"the name {name} is taken; choose another with --name", map(str, others))
    made = await ImportProcesses().make(Job(name, file.name, folders, path=file, live=live))
    return _describe(made, folder, write_definitions(folder, made["files"], old))


def _describe(described: Mapping[str, Any], folder: Path, written: list[Path]) -> str:
    lines = [f"wrote        {path}" for path in written]
    lines += [f"parameter    {name} ({kind})" for name, kind in described["parameters"].items()]
    lines += [f"model        {model['file']} in models/{model['folder']}" for model in described["models"]]
    lines += [f"output       {one['media']} ({one['format']}), {one['role']}" for one in described["outputs"]]
    lines += [f"note         {warning}" for warning in described["warnings"]]
    own = "" if folder == OWN else f" --definitions {folder}"
    return "\n".join([*lines, f"Run it:      python server.py run 'your text' --output {described['name']}{own}"])


def refusal(error: ImportRefused | DefinitionError) -> str:
    """Return the reasons why nothing was written, each on a line of its own."""
    first = error.message if isinstance(error, ImportRefused) else "the existing definitions have problems"
    return "\n".join([f"Not imported: {first}", *(f"  {problem}" for problem in error.problems)])


async def list_runnable(settings: Settings) -> tuple[list[str], bool]:
    """List, for each configured backend, the output configs that it can run and what the others lack."""
    catalog, lines, well = load_definitions(settings).catalog, list[str](), True
    for address in read_addresses(settings):
        source = Source(address)
        await source.ask()
        for backend in source.backends:
            if backend.state == "up" and backend.table is None:
                continue  # a SwarmUI itself runs nothing; its ComfyUIs follow
            if backend.table is None:
                lines, well = [*lines, f"{backend.name} at {address.base_url}: {backend.problem}"], False
                continue
            lines.append(f"{backend.name} at {address.base_url}")
            lines += _describe_missing(catalog, backend.table)
        await source.close()
    return lines, well


def _describe_missing(catalog: Catalog, table: NodeTable) -> Iterator[str]:
    for name, problems in sorted(lint_backend(catalog, table).items()):
        yield f"  {name}: {'cannot run' if problems else 'can run'}"
        yield from (f"    {problem.message}" for problem in problems[:PROBLEMS_SHOWN])
        if len(problems) > PROBLEMS_SHOWN:
            yield f"    and {len(problems) - PROBLEMS_SHOWN} more"


def check_words() -> list[str]:
    """Return the problems in the vocabulary of the prompt reader; the first one of a file hides the others."""
    try:
        read_words()
    except WordsError as e:
        return [str(e)]
    return []


def write_schemas(folder: Path) -> str:
    """Write the JSON Schemas and return instructions for an editor."""
    texts = {f"{kind}.json": json.dumps(content, indent=1) + "\n" for kind, content in editor_schemas().items()}
    write_definitions(folder, texts)
    lines = [f"wrote {folder / f'{kind}.json'} for {place}/*.yaml" for kind, place in SCHEMA_FILES.items()]
    example = f"# yaml-language-server: $schema={(folder / 'chunk.json').resolve().as_uri()}"
    return "\n".join([*lines, "An editor with the YAML language server completes a file that begins with:", example])


def _table_of(path: Path) -> NodeTable:
    """Read a table file: a saved `/object_info`, or our own trimmed form."""
    source = read_source("table", path, path.name)
    if isinstance(source, list):
        raise ImportRefused(f"{path.name} is not a table of node classes", map(str, source))
    try:
        return NodeTable.from_json(source.content)
    except TableError as e:
        raise ImportRefused(f"{path.name} is not a table of node classes: {e}") from e


async def _live_table(settings: Settings) -> NodeTable | None:
    """Read the node classes of the configured backends; raise ImportRefused where one does not answer."""
    tables = []
    for address in read_addresses(settings):
        source = Source(address)
        await source.ask()
        found = [backend.table for backend in source.backends if backend.table]
        if not found:
            why = "; ".join(backend.problem for backend in source.backends) or "it has no running ComfyUI"
            raise ImportRefused(f"{address.base_url} does not list its nodes: {why}")
        tables += found
        await source.close()
    return NodeTable.merge(tables) if tables else None
