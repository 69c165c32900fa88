"""What can be drawn from a sound. How is loaded only in the process that does it: it needs numpy and a decoder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Drawn = Literal["peaks.json", "waveform.png", "spectrogram.png"]


class NoSound(Exception):
    """The file has no sound that could be drawn."""


def draw(source: Path, target: Path, what: Drawn) -> None:
    """As `devserver.media.drawing.draw`."""
    from devserver.media import drawing

    drawing.draw(source, target, what)
