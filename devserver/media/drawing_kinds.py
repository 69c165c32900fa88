"""The kinds of drawings of a sound."""

from __future__ import annotations

from typing import Literal

DrawingKind = Literal["peaks.json", "waveform.png", "spectrogram.png"]


class NoSound(Exception):
    """The file has no sound that could be drawn."""
