"""The node that plays a song."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .music.dsp import SAMPLE_RATE_HZ
from .music.mix import mixdown
from .music.report import describe_song
from .music.song import PARTS, Song
from .progress import Progress


class TonewrightSynthesise:
    """Song to sound: the mix and its four stems, which add up to it. 48 kHz stereo, float32 [1, 2, T].

    It also reports what it played, and with which numpy on which processor: the same bits need both.
    """

    DISPLAY_NAME = "Synthesise (Tonewright)"
    CATEGORY = "tonewright/music"
    DESCRIPTION = "Plays a song from TonewrightCompose: the mix and the stems that it is the sum of."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("AUDIO",) * 5
    RETURN_NAMES = ("mix", *PARTS)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"song": ("STRING", {"multiline": True, "forceInput": True})}}

    def run(self, song: str) -> dict[str, Any]:
        composed = Song.from_json(song)
        progress = Progress()
        mixed = mixdown(composed, progress.tick, progress.reached)
        sounds = (mixed.mix, *(mixed.stems[part] for part in PARTS))
        return {"ui": {"tonewright": [describe_song(composed)]}, "result": tuple(_audio(sound) for sound in sounds)}


def _audio(sound: NDArray[np.float32]) -> dict[str, Any]:
    return {"waveform": sound[np.newaxis], "sample_rate": SAMPLE_RATE_HZ}
