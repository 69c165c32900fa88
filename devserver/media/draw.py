"""Draw in a process that loads numpy and a decoder only then."""

from __future__ import annotations

from pathlib import Path

from devserver.media.drawing_kinds import DrawingKind


def draw(source: Path, target: Path, what: DrawingKind) -> None:
    """Draw as `devserver.media.drawing.draw` does."""
    from devserver.media import drawing

    drawing.draw(source, target, what)
