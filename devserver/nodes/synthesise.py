"""The node that plays a song."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .host import host
from .music.dsp import SAMPLE_RATE_HZ
from .music.mix import mixdown, steps_in
from .music.song import PARTS, Song


class TonewrightSynthesise:
    """Song to sound: the mix and its four stems, which add up to it. 48 kHz stereo, float32 [1, 2, T]."""

    DISPLAY_NAME = "Synthesise (Tonewright)"
    CATEGORY = "tonewright/music"
    DESCRIPTION = "Plays a song from TonewrightCompose: the mix and the stems that it is the sum of."
    FUNCTION = "run"
    RETURN_TYPES = ("AUDIO",) * 5
    RETURN_NAMES = ("mix", *PARTS)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"song": ("STRING", {"multiline": True, "forceInput": True})}}

    def run(self, song: str) -> tuple[dict[str, Any], ...]:
        composed = Song.from_json(song)
        total, done = steps_in(composed), 0

        def tick() -> None:
            nonlocal done
            done = min(done + 1, total - 1)
            host().progress(done, total)

        mixed = mixdown(composed, tick)
        host().progress(total, total)
        return tuple(_audio(sound) for sound in (mixed.mix, *(mixed.stems[part] for part in PARTS)))


def _audio(sound: NDArray[np.float32]) -> dict[str, Any]:
    return {"waveform": sound[np.newaxis], "sample_rate": SAMPLE_RATE_HZ}
