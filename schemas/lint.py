"""What `lint` says: every problem of the definitions, and what a backend lacks for each output config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.catalog import Catalog
from schemas.errors import DefinitionProblem
from schemas.loader import read_definitions, shown
from schemas.nodes import GraphProblem, NodeTable, fit
from schemas.pipeline_rules import RULES, StageRules


def lint(
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    only: Path | None = None,
    wrong: Sequence[DefinitionProblem] = (),
    kinds: Mapping[str, StageRules] = RULES,
) -> list[DefinitionProblem]:
    """Every problem of the definitions, or those of one file, by file and line; `wrong` are those of the tables."""
    catalog, found = read_definitions(folders, tables, kinds=kinds)
    problems = [*wrong, *found]
    if only is None:
        return sorted(problems)
    name = shown(only)
    found = [problem for problem in problems if problem.file == name]
    if not found and all(source.file != name for source in catalog.sources.values()):
        places = ", ".join(shown(folder) for folder in folders)
        return [DefinitionProblem(name, 1, "", f"is not one of the definitions in {places}")]
    return sorted(found)


def lint_backend(catalog: Catalog, table: NodeTable) -> dict[str, tuple[GraphProblem, ...]]:
    """What a backend lacks to run each output config, by its name; nothing where it can run it.

    Where a config has variants it is what the nearest of them lacks.
    """
    problems: dict[str, tuple[GraphProblem, ...]] = {}
    for name in catalog.outputs:
        fits = [fit(chunk.models, catalog.graph(chunk.graph), table) for chunk in catalog.variants_of(name)]
        problems[name] = min((found.problems for found in fits), key=len)
    return problems
