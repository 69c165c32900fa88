"""The node that arranges stems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .mix import connected_stems
from .studio.arranging import ArrangePlan, Piece, arrange_stem, plan_arrangement, to_length
from .studio.audio import Work, audio_of
from .studio.mixing import STEMS
from .studio.plan import read_plan


class TonewrightArrange:
    """Stems in a new order, by a plan in JSON: sections in seconds or bars, with gain, pan and mutes for each stem.

    Every output is stereo and of the same length, to the sample; a stem that is not connected comes out silent. `mix`
    is the sum. Joins are crossfades of a few milliseconds; sections that follow each other anyway leave no trace.
    """

    DISPLAY_NAME = "Arrange (Tonewright)"
    CATEGORY = "tonewright/studio"
    DESCRIPTION = "Puts sections of stems in an order: repeats, silences, fades, and gain, pan and mutes per stem."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("AUDIO",) * 6 + ("STRING",)
    RETURN_NAMES = ("mix", *STEMS, "report")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        example = (
            '{"bpm": 120, "sections": {"a": {"start_bar": 1, "bars": 4}}, '
            '"order": [{"section": "a", "repeat": 2, "stems": {"drums": {"mute": true}}}]}'
        )
        return {
            "required": {
                "plan": ("STRING", {"multiline": True, "default": "", "tooltip": f"Empty changes nothing. {example}"})
            },
            "optional": {name: ("AUDIO", {}) for name in STEMS},
        }

    def run(self, *, plan: str, **stems: Mapping[str, Any]) -> dict[str, Any]:
        wanted = read_plan(ArrangePlan, plan)
        given, rate = connected_stems(stems)
        order = plan_arrangement(wanted, max(sound.shape[1] for sound in given.values()), rate)
        work = Work(order.length, len(given) + 1)
        made = {name: to_length(arrange_stem(sound, name, order, work), wanted, rate) for name, sound in given.items()}
        silence = to_length(np.zeros((2, order.length), np.float32), wanted, rate)
        mix = silence.copy()
        for sound in made.values():
            mix += sound
            work.tick()
        work.end()
        report = _report(order.pieces, mix.shape[1], rate)
        sounds = [mix, *(made.get(name, silence) for name in STEMS)]
        result = (*(audio_of([sound], rate) for sound in sounds), json.dumps(report))
        return {"ui": {"tonewright": [report]}, "result": result}


def _report(pieces: list[Piece], length: int, sample_rate_hz: int) -> dict[str, Any]:
    """Return the length and where each piece begins, in samples and seconds."""
    placed = [
        {
            "section": piece.step.section,
            "start_sample": piece.start,
            "start_seconds": round(piece.start / sample_rate_hz, 4),
            "seconds": round((piece.end - piece.start) / sample_rate_hz, 4),
        }
        for piece in pieces
    ]
    return {"samples": length, "seconds": round(length / sample_rate_hz, 4), "pieces": placed}
