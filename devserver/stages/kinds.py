"""The kinds of stages that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from devserver.installed.points import STAGE_KINDS, load_entry_points, refuse, without_clashes
from devserver.stages.graph.kind import GraphKind
from devserver.stages.kind import StageKind
from devserver.stages.text.kind import TextKind

KINDS: Final[Mapping[str, StageKind]] = {kind.name: kind for kind in (TextKind(), GraphKind())}


def all_kinds() -> Mapping[str, StageKind]:
    """Return our own kinds and those of installed packages."""
    named: list[tuple[str, str, StageKind]] = []
    for entry in load_entry_points(STAGE_KINDS):
        try:
            kind = entry.value() if isinstance(entry.value, type) else entry.value
        except Exception as e:  # noqa: BLE001 - a package may raise anything
            refuse(entry.package, f"{entry.name} cannot be made: {type(e).__name__}: {e}")
            continue
        if isinstance(kind, StageKind):
            named.append((entry.package, kind.name, kind))
        else:
            refuse(entry.package, f"{entry.name} is no kind of stage: it must be a StageKind")
    return {**KINDS, **without_clashes(named, KINDS, "kind of stage")}
