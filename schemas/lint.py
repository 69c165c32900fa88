"""The checks of `lint`: every problem of the definitions, and the missing parts of a backend for each output config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.catalog import Catalog
from schemas.errors import DefinitionProblem
from schemas.loader import display_path, read_definitions
from schemas.nodes import GraphProblem, NodeTable, fit
from schemas.pipeline_rules import RULES, StageRules


def lint(
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    only: Path | None = None,
    wrong: Sequence[DefinitionProblem] = (),
    kinds: Mapping[str, StageRules] = RULES,
) -> list[DefinitionProblem]:
    """Return every problem of the definitions or of one file, by file and line; `wrong` are those of the tables."""
    catalog, faults = read_definitions(folders, tables, kinds=kinds)
    problems = [*wrong, *faults]
    if only is None:
        return sorted(problems)
    name = display_path(only)
    faults = [problem for problem in problems if problem.file == name]
    if not faults and all(source.file != name for source in catalog.sources.values()):
        places = ", ".join(display_path(folder) for folder in folders)
        return [DefinitionProblem(name, 1, "", f"is not one of the definitions in {places}")]
    return sorted(faults)


def lint_backend(catalog: Catalog, table: NodeTable) -> dict[str, tuple[GraphProblem, ...]]:
    """Return the problems of each output config on a backend, by its name; none if the backend can run it.

    If a config has variants, these are the problems of the variant with the fewest.
    """
    problems: dict[str, tuple[GraphProblem, ...]] = {}
    for name in catalog.outputs:
        fits = [fit(chunk.models, catalog.graph(chunk.graph), table) for chunk in catalog.variants_of(name)]
        problems[name] = min((candidate.problems for candidate in fits), key=len)
    return problems
