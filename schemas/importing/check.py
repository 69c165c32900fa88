"""Check definitions that are not written yet against all existing ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from schemas.errors import DefinitionProblem
from schemas.loader import FOLDERS, read_definitions
from schemas.node_table import NodeTable
from schemas.pipeline_rules import RULES, StageRules
from schemas.sources import draft_source

KINDS = tuple(FOLDERS)
PLACES: Mapping[str, str] = {place: kind for kind, (place, _) in FOLDERS.items()}


def problems_of(
    texts: Mapping[tuple[str, str], str],
    folders: Sequence[Path],
    tables: Mapping[str, NodeTable],
    kinds: Mapping[str, StageRules] = RULES,
) -> list[DefinitionProblem]:
    """Return the problems of texts of definitions, by (kind, name), as if they lay over those in the folders.

    A problem's `file` is "kind/name". Problems of other definitions are left out, since they existed before.
    """
    drafts, problems = [], []
    for (kind, name), text in texts.items():
        source = draft_source(kind, name, text, f"{kind}/{name}", json_text=kind == "graph")
        if isinstance(source, list):
            problems += source
        else:
            drafts.append(source)
    _, faults = read_definitions(folders, tables, drafts, kinds)
    own = {f"{kind}/{name}" for kind, name in texts}
    return sorted(problems + [problem for problem in faults if problem.file in own])


def by_kind(files: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return the files of a definitions folder by (kind, name); those of `tables/` are no definitions."""
    texts: dict[tuple[str, str], str] = {}
    for place, text in files.items():
        path = PurePosixPath(place)
        kind = PLACES.get(path.parent.as_posix())
        if kind:
            texts[kind, path.stem] = text
    return texts
