"""Reads the definition folders into a catalog, and says everything that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas import rules
from schemas.catalog import Catalog
from schemas.errors import DefinitionProblem, hint
from schemas.graph import Graph, is_node
from schemas.known import Definitions
from schemas.limits import api_excess, excess_of
from schemas.model import Chunk, GraphChunk, InterceptionConfig, OutputConfig, TermList, TextChunk
from schemas.nodes import NodeTable, TableError, check_graph
from schemas.pipeline import Pipeline
from schemas.pipeline_rules import RULES, StageRules, pipeline_findings
from schemas.sources import MOST_PROBLEMS, FieldPath, Source, read_source
from schemas.wording import keys_at, requirement

FOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "chunk": ("chunks", (".yaml", ".yml")),
    "pipeline": ("pipelines", (".yaml", ".yml")),
    "interception": ("configs/interception", (".yaml", ".yml")),
    "output": ("configs/output", (".yaml", ".yml")),
    "graph": ("graphs", (".json",)),
    "terms": ("terms", (".yaml", ".yml")),
}
CHUNK_KINDS = ("graph", "text")
LONGEST_VALUE = 100  # characters of a wrong value that a problem shows
Key = tuple[str, str]
M = TypeVar("M", bound=BaseModel)


def load_tables(folders: Sequence[Path]) -> dict[str, NodeTable]:
    """Return the node tables of `read_tables` that can be read."""
    return read_tables(folders)[0]


def read_tables(folders: Sequence[Path]) -> tuple[dict[str, NodeTable], list[DefinitionProblem]]:
    """Return the node tables in `tables/*.json` of each folder, by file name, and what is wrong with the others.

    A table has our trimmed form, or is a saved `/object_info`.
    """
    tables: dict[str, NodeTable] = {}
    problems: list[DefinitionProblem] = []
    for folder in folders:
        for path in sorted((folder / "tables").glob("*.json")):
            source = read_source("table", path, display_path(path))
            if isinstance(source, list):
                problems += source
                continue
            try:
                table = NodeTable.from_json(source.content)
            except TableError as e:
                problems.append(source.problem((), str(e)))
                continue
            earlier = tables.pop(source.name, None)  # what comes later stands over all that was there, so it goes last
            tables[source.name] = NodeTable.merge([earlier, table]) if earlier else table
    return tables, problems


def read_definitions(
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    drafts: Sequence[Source] = (),
    kinds: Mapping[str, StageRules] = RULES,
) -> tuple[Catalog, list[DefinitionProblem]]:
    """Return the definitions that can be read, and every problem; `drafts` replace files that are not written yet."""
    sources, problems = _read_files(folders)
    broken = {key for key, faults in problems.items() if key not in sources}
    for draft in drafts:
        sources[draft.kind, draft.name] = draft
        broken.discard((draft.kind, draft.name))
    catalog, faults = _check_sources(sources, tables, kinds, broken)
    return catalog, [*chain.from_iterable(problems.values()), *chain.from_iterable(faults.values())]


def usable_definitions(
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    before: Catalog | None = None,
    kinds: Mapping[str, StageRules] = RULES,
) -> tuple[Catalog, list[DefinitionProblem]]:
    """Return the definitions that are right, and every problem of the others.

    A definition that is wrong is as it was `before`, where it was there then; else it is left out, and so is whatever
    needs it. `Catalog.broken` says why each of these is not there.
    """
    sources, unreadable = _read_files(folders)
    problems = {key: list(faults) for key, faults in unreadable.items()}
    left_out = {key: str(faults[0]) for key, faults in unreadable.items() if faults and key not in sources}
    if before is not None:
        again = {key for key in left_out if key in before.sources}
        sources |= {key: before.sources[key] for key in again}
        left_out = {key: why for key, why in left_out.items() if key not in again}
    while True:
        catalog, faults = _check_sources(sources, tables, kinds, (), left_out)
        if not faults:
            return replace(catalog, broken=MappingProxyType(left_out)), list(chain.from_iterable(problems.values()))
        for key, wrong in faults.items():
            problems.setdefault(key, wrong)
            earlier = before.sources.get(key) if before is not None else None
            if earlier is not None and earlier is not sources[key]:
                sources[key] = earlier
            else:
                left_out[key] = str(wrong[0])
                del sources[key]


def _check_sources(
    sources: Mapping[Key, Source],
    tables: Mapping[str, NodeTable],
    kinds: Mapping[str, StageRules],
    broken: Iterable[Key],
    left_out: Iterable[Key] = (),
) -> tuple[Catalog, dict[Key, list[DefinitionProblem]]]:
    """Return the catalog of the sources, and the problems of each; names in `broken` are reported elsewhere."""
    problems: dict[Key, list[DefinitionProblem]] = {}
    built: dict[Key, BaseModel] = {}
    graphs: dict[str, Graph] = {}
    for key, source in sources.items():
        faults = [source.problem(*finding) for finding in rules.placeholder_findings(source.content, source.kind)]
        if source.kind == "graph":
            graph, wrong = _graph(source)
            faults += wrong or [source.problem(*each) for each in rules.mark_findings(graph)]
            if not faults:
                graphs[source.name] = graph
        else:
            definition, wrong = _build_definition(source)
            faults += wrong
            if definition is not None:
                built[key] = definition
        if faults:
            problems[key] = faults
    catalog = _catalog(built, graphs, sources)
    known = Definitions(
        catalog.chunks,
        catalog.pipelines,
        catalog.interceptions,
        catalog.outputs,
        catalog.graphs,
        tables,
        frozenset((*broken, *problems)),
        frozenset(left_out),
    )
    for key, problem in _cross_problems(catalog, known, kinds):
        problems.setdefault(key, []).append(problem)
    return catalog, problems


def display_path(path: Path) -> str:
    """Return a path as messages name it: from the working folder where it lies below it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except (ValueError, RuntimeError):  # it lies elsewhere, or is a link to itself
        return path.as_posix()


def _read_files(folders: Sequence[Path]) -> tuple[dict[Key, Source], dict[Key, list[DefinitionProblem]]]:
    """Read each definition's file, the last folder's where several have it, and list the files that are no text.

    A file that cannot be read still stands over one in an earlier folder: nobody asked for that one.
    """
    sources: dict[Key, Source] = {}
    problems: dict[Key, list[DefinitionProblem]] = {}
    for folder in folders:
        if not folder.is_dir():
            problems["folder", display_path(folder)] = [
                DefinitionProblem(display_path(folder), 1, "", "is not a folder")
            ]
        for kind, (place, suffixes) in FOLDERS.items():
            here: dict[str, Path] = {}
            for path in sorted(p for p in (folder / place).glob("[!.]*") if p.suffix in suffixes):
                key = (kind, path.stem)
                if path.stem in here:
                    message = f"the {kind} {path.stem} is also defined in {here[path.stem].name}"
                    problems.setdefault(key, []).append(DefinitionProblem(display_path(path), 1, "", message))
                    continue
                here[path.stem] = path
                sources.pop(key, None)
                problems.pop(key, None)
                source = read_source(kind, path, display_path(path))
                if isinstance(source, Source):
                    sources[key] = source
                else:
                    problems[key] = source
    return sources, problems


def _graph(source: Source) -> tuple[Graph, list[DefinitionProblem]]:
    """Return the graph, or what is wrong with its form."""
    content = source.content
    if isinstance(content.get("nodes"), list) and "links" in content:
        return {}, [source.problem((), 'is a saved workflow; export it with "Save (API format)" instead')]
    if excess := excess_of(api_excess(content)):
        limit, value = excess
        return {}, [source.problem((), limit.describe_excess(value))]
    graph = {node_id: node for node_id, node in content.items() if is_node(node)}
    others = [node_id for node_id in content if node_id not in graph]
    return graph, [source.problem((node_id,), "a node has a class_type and inputs") for node_id in others]


def _build_definition(source: Source) -> tuple[BaseModel | None, list[DefinitionProblem]]:
    """Return the typed definition, or every field that is wrong with it."""
    if "name" in source.content:
        return None, [source.problem(("name",), "is not written here: the file's name is the definition's name")]
    if source.kind == "chunk" and source.content.get("kind") not in CHUNK_KINDS:
        return None, [source.problem(("kind",), f"must be one of {', '.join(CHUNK_KINDS)}")]
    model = _model_of(source)
    try:
        return model.model_validate({**source.content, "name": source.name}), []
    except ValidationError as e:
        errors = [error for error in e.errors() if not (error["type"] == "too_short" and error["input"])]
        listed = [source.problem(_field(error, source), _sentence(error, model)) for error in errors[:MOST_PROBLEMS]]
        left = len(errors) - len(listed)
        return None, [*listed, source.problem((), f"has {left} more problems")] if left else listed


def _model_of(source: Source) -> type[BaseModel]:
    """Return the class that reads a definition; a chunk's depends on its own `kind`."""
    if source.kind == "chunk":
        return TextChunk if source.content.get("kind") == "text" else GraphChunk
    models: dict[str, type[BaseModel]] = {
        "pipeline": Pipeline,
        "terms": TermList,
        "interception": InterceptionConfig,
        "output": OutputConfig,
    }
    return models[source.kind]


def _field(error: ErrorDetails, source: Source) -> FieldPath:
    """Return the path of a validation error without the names of the models that it was tried against."""
    path: FieldPath = ()
    for part in error["loc"]:
        if (*path, part) in source.lines or (error["type"] == "missing" and part is error["loc"][-1]):
            path = (*path, part)
    return path


def _sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        *parents, key = error["loc"]
        given = not parents or parents[0] == "parameters"  # there the name is not written
        known = [name for name in keys_at(model, parents) if not (given and name == "name")]
        return f"unknown key; {hint(key, known)}"
    message = requirement(error)
    if kind in ("missing", "value_error") or isinstance(value, dict | list):
        return message
    shown_value = repr(value)
    cut = shown_value if len(shown_value) <= LONGEST_VALUE else f"{shown_value[:LONGEST_VALUE]}..."
    return f"{message}; not {cut}"


def _catalog(built: Mapping[Key, BaseModel], graphs: dict[str, Graph], sources: Mapping[Key, Source]) -> Catalog:
    chunks: dict[str, Chunk] = {name: m for (_, name), m in built.items() if isinstance(m, GraphChunk | TextChunk)}
    return Catalog(
        chunks=MappingProxyType(chunks),
        pipelines=_of_kind(built, Pipeline),
        interceptions=_of_kind(built, InterceptionConfig),
        outputs=_of_kind(built, OutputConfig),
        graphs=MappingProxyType(graphs),
        terms=_of_kind(built, TermList),
        sources=MappingProxyType(dict(sources)),
    )


def _of_kind(built: Mapping[Key, BaseModel], kind: type[M]) -> Mapping[str, M]:
    return MappingProxyType({name: model for (_, name), model in built.items() if isinstance(model, kind)})


def _cross_problems(
    catalog: Catalog, known: Definitions, kinds: Mapping[str, StageRules]
) -> Iterator[tuple[Key, DefinitionProblem]]:
    graph_chunks = [chunk for chunk in catalog.chunks.values() if isinstance(chunk, GraphChunk)]
    table_of = {chunk.graph: chunk.table for chunk in graph_chunks}
    for name, graph in catalog.graphs.items():
        key: Key = ("graph", name)
        for problem in check_graph(graph, NodeTable.for_chunk(known.tables, table_of.get(name), known.named_tables)):
            path = (problem.node_id, "inputs", problem.input) if problem.input else (problem.node_id,)
            yield key, catalog.sources[key].problem(path, problem.message)
    findings: list[tuple[Key, Iterator[rules.Finding]]] = [
        *((("chunk", chunk.name), rules.chunk_findings(chunk, known)) for chunk in graph_chunks),
        *((("pipeline", name), pipeline_findings(p, known, kinds)) for name, p in catalog.pipelines.items()),
        *((("output", name), rules.output_findings(config, known)) for name, config in catalog.outputs.items()),
    ]
    for key, faults in findings:
        for finding in faults:
            yield key, catalog.sources[key].problem(*finding)
