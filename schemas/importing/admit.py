"""Check a draft against the existing definitions: the files to write, and whether they would be in force."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.importing.check import by_kind, problems_of
from schemas.importing.documents import ChunkDocument, ImportedDefinition
from schemas.importing.drafts import Draft, draft
from schemas.importing.form import ImportRefused
from schemas.json_values import JsonObject
from schemas.loader import FOLDERS, read_definitions
from schemas.model import GraphChunk
from schemas.node_table import NodeClass, NodeTable

PAGE_ONLY = ("default", "step", "multiline", "dynamicPrompts", "forceInput", "control_after_generate")
# A reader that comes between two files finds every file that a later one names.
WRITTEN_IN_ORDER = ("tables", "graphs", "chunks", "configs/output")


@dataclass(frozen=True)
class Imported:
    """A definition that is checked and may be written: each file's text by its place, in the order of writing."""

    draft: Draft
    files: Mapping[str, str]

    def describe(self) -> ImportedDefinition:
        """Return the import as JSON, for the answer and the command line."""
        parameters = self.draft.chunk.get("parameters", {})
        return {
            "name": self.draft.name,
            "form": self.draft.form,
            "parameters": {name: entry["type"] for name, entry in parameters.items()},
            "models": self.draft.chunk.get("models", []),
            "outputs": self.draft.chunk["outputs"],
            "warnings": list(self.draft.warnings),
            "files": dict(self.files),
        }


def import_graph(
    content: JsonObject,
    *,
    name: str,
    origin: str,
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    live: NodeTable | None = None,
) -> Imported:
    """Make definitions from a graph, checked against all others as if they were written.

    Args:
        content: the graph in either form.
        name: of what is made.
        origin: where the graph is from, for a comment in the files.
        folders: of the definitions in force.
        tables: the node tables in force.
        live: the classes of a backend or of a given table; they go before those of `tables`.

    Raises:
        ImportRefused: with every absent class, or every problem.
    """
    catalog, _ = read_definitions(folders, tables)
    pipelines = list(catalog.pipelines)
    chunks = [chunk for chunk in catalog.chunks.values() if isinstance(chunk, GraphChunk)]
    known = NodeTable.for_chunk(tables, None, {chunk.table for chunk in chunks if chunk.table})
    table = NodeTable.merge([known, live]) if live else known
    made = draft(content, table, name=name, pipelines=pipelines)
    return _admit(made, origin, folders, tables, known)


def _admit(
    made: Draft, origin: str, folders: Sequence[Path], tables: Mapping[str, NodeTable], known: NodeTable
) -> Imported:
    """With as few classes in a table of its own as it can: a class is known already, or it is another than the known.

    Where it is another, the chunk names its table, which changes nothing for any other definition.
    """
    problems: list[str] = []
    same = {
        key: entry
        for key, entry in made.table.classes.items()
        if key in known.classes and _relevant_fields(entry) == _relevant_fields(known.classes[key])
    }
    for named in (False, True):
        draft_now = replace(made, chunk=_with_table(made.chunk, made.name)) if named else made
        files = draft_now.files(origin, NodeTable(same) if named else known)
        place = f"tables/{made.name}.json"
        # As it will be read: a class that is not written must not help.
        new = {**tables, made.name: NodeTable.from_json(json.loads(files[place]))} if place in files else tables
        faults = problems_of(by_kind(files), folders, new)
        if not faults:
            return Imported(draft_now, dict(sorted(files.items(), key=lambda item: _order(item[0]))))
        problems = problems or [f"{problem.file}: {problem.field}: {problem.message}" for problem in faults]
        if len(same) == len(made.table.classes):
            break
    raise ImportRefused(f"the definition {made.name} would not be right", problems)


def _relevant_fields(node_class: NodeClass) -> tuple[object, ...]:
    """Return the fields that decide whether a graph fits, without those that only the page uses."""
    inputs = {name: entry.to_trimmed() for name, entry in node_class.inputs.items()}
    relevant = {name: {key: entry[key] for key in entry if key not in PAGE_ONLY} for name, entry in inputs.items()}
    required = [entry.name for entry in node_class.inputs.values() if entry.required]
    return relevant, required, node_class.output, node_class.output_node


def _with_table(chunk: ChunkDocument, name: str) -> ChunkDocument:
    """Return the chunk with the table that is looked at first, after its graph."""
    kind, description, graph = chunk["kind"], chunk["description"], chunk["graph"]
    return {"kind": kind, "description": description, "graph": graph, "table": name, **chunk}


def _order(place: str) -> int:
    return WRITTEN_IN_ORDER.index(place.rpartition("/")[0])


def existing_files(name: str, folders: Sequence[Path]) -> list[Path]:
    """Return the files that a definition of that name would stand over or replace."""
    places = [place for kind, (place, _) in FOLDERS.items() if kind in ("chunk", "output", "graph")]
    files = [path for folder in folders for place in (*places, "tables") for path in (folder / place).glob(f"{name}.*")]
    return sorted(files)
