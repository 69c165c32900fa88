"""The entry points of installed packages, by group: what each brings, and one line for each that cannot be used."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

STAGE_KINDS: Final = "tonewright.stage_kinds"
NODES: Final = "tonewright.nodes"
DEFINITIONS: Final = "tonewright.definitions"

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Brought:
    """Something that an installed package brings; `name` is that of its entry point."""

    package: str
    name: str
    value: object


def load_entry_points(group: str) -> list[Brought]:
    """Load what packages bring under a group, in the order of their names. What cannot be loaded is logged."""
    found = []
    for point in sorted(entry_points(group=group), key=lambda point: (_package(point), point.name)):
        try:
            found.append(Brought(_package(point), point.name, point.load()))
        except Exception as e:  # noqa: BLE001 - a package may raise anything while it is imported
            refuse(_package(point), f"{point.name} cannot be loaded: {type(e).__name__}: {e}")
    return found


def refuse(package: str, why: str) -> None:
    """Say in one line why something of a package is not used."""
    log.error("The package %s: %s", package, " ".join(why.split()))


def without_clashes(named: list[tuple[str, str, T]], own: Collection[str], what: str) -> Mapping[str, T]:
    """Return what packages bring by its name, without names that two of them have, or that Tonewright has itself.

    Args:
        named: package, name and thing.
        own: the names that Tonewright has.
        what: what they are, for the log.
    """
    packages: dict[str, list[str]] = defaultdict(list)
    for package, name, _ in named:
        packages[name].append(package)
    clashes = {name: [*(["tonewright"] if name in own else []), *users] for name, users in packages.items()}
    for name, users in clashes.items():
        if len(users) > 1:
            refuse(" and ".join(dict.fromkeys(users)), f"the {what} {name} is brought more than once and not used")
    return {name: thing for _, name, thing in named if len(clashes[name]) == 1}


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.module
