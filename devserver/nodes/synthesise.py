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
        total, done = steps_in(composed), 0

        def tick() -> None:
            nonlocal done
            done = min(done + 1, total - 1)
            host().progress(done, total)

        mixed = mixdown(composed, tick)
        host().progress(total, total)
        sounds = (mixed.mix, *(mixed.stems[part] for part in PARTS))
        return {"ui": {"tonewright": [_report(composed)]}, "result": tuple(_audio(sound) for sound in sounds)}


def _audio(sound: NDArray[np.float32]) -> dict[str, Any]:
    return {"waveform": sound[np.newaxis], "sample_rate": SAMPLE_RATE_HZ}


def _report(song: Song) -> dict[str, Any]:
    brief = song.brief
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        "genre": brief.genre,
        "bpm": brief.bpm,
        "key": brief.key,
        "mood": brief.mood,
        "seed": brief.seed,
        "sections": [section.name for section in song.sections],
        "remarks": list(brief.remarks),
        "rendered_with": {"numpy": np.__version__, "cpu_features": [*simd["baseline"], *simd["found"]]},
    }
