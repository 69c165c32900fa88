"""Draw in a process that loads numpy and a decoder only then."""

from __future__ import annotations

from pathlib import Path

from devserver.media.drawn import Drawn


def draw(source: Path, target: Path, what: Drawn) -> None:
    """Draw as `devserver.media.drawing.draw` does."""
    from devserver.media import drawing

    drawing.draw(source, target, what)
