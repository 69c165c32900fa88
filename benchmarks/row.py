"""What every part of the benchmark is handed, and what it hands back: lines of one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HEAD = ("what", "measured", "goal", "")


@dataclass(frozen=True)
class Bench:
    """Where and how to measure.

    Attributes:
        folder: empty, deleted afterwards.
        quick: a few runs only, to see that everything works; its figures mean little.
        comfyui_url: a real ComfyUI to measure against, in place of a host of ours.
    """

    folder: Path
    quick: bool = False
    comfyui_url: str | None = None

    def count(self, usual: int, quick: int) -> int:
        return quick if self.quick else usual


@dataclass(frozen=True)
class Row:
    """One line: `met` is None where there is no goal, or where `measured` says why nothing could be measured."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return {True: "met", False: "**missed**", None: ""}[self.met]


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *((row.what, row.measured, row.goal, row.verdict) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
