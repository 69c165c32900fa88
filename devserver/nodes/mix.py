"""The node that mixes stems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .master import master_sound
from .studio.audio import Samples, Work, audio_of, sound_in, stretches
from .studio.mastering import Mastering
from .studio.mixing import STEMS, MixPlan, StemName, ducking_curve, place_stem
from .studio.plan import read_plan
from .studio.spaces import echoes, room

END_SECONDS = 0.01


class TonewrightMix:
    """Stems to a mix, by a plan in JSON. Stereo, as long as the longest stem and the plan's tail.

    Each stem is equalised, compressed, brought to its level, ducked and placed; sends feed one room and one delay. The
    sum is brought to the plan's loudness under its ceiling: room for a mastering that follows.
    """

    DISPLAY_NAME = "Mix (Tonewright)"
    CATEGORY = "tonewright/studio"
    DESCRIPTION = "Mixes up to five stems by a plan: balance by loudness, EQ, compression, ducking, reverb, delay, pan."
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("AUDIO", "STRING")
    RETURN_NAMES = ("mix", "report")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        example = '{"stems": {"bass": {"level_lu": -3, "duck": {"depth_db": 6}}, "lead": {"pan": 0.3}}}'
        return {
            "required": {
                "plan": ("STRING", {"multiline": True, "default": "", "tooltip": f"Empty is balanced. {example}"})
            },
            "optional": {name: ("AUDIO", {}) for name in STEMS},
        }

    def run(self, *, plan: str, **stems: Mapping[str, Any]) -> dict[str, Any]:
        wanted = read_plan(MixPlan, plan)
        given, rate = connected_stems(stems)
        length = max(sound.shape[1] for sound in given.values()) + round(wanted.tail_seconds * rate)
        work = Work(length, 8 + 5 * len(given))
        mix, to_room, to_delay, reports = _sum_stems(wanted, given, length, rate, work)
        if to_room.any():
            mix += room(to_room, wanted.reverb, rate, work)
        if to_delay.any():
            mix += echoes(to_delay, wanted.delay, rate, work)
        fade = min(length, round(END_SECONDS * rate))
        mix[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
        mastering = Mastering(loudness_lufs=wanted.loudness_lufs, ceiling_dbtp=wanted.ceiling_dbtp, sample_rate_hz=rate)
        made, done, after = master_sound(mix, rate, mastering, work)
        report = {
            "stems": reports,
            "loudness_lufs": round(after.loudness_lufs, 2),
            "true_peak_dbtp": round(after.true_peak_dbtp, 2),
            "limiter_reduction_db": round(done.limiter_reduction_db, 2),
            "remark": done.remark,
        }
        work.end()
        return {"ui": {"tonewright": [report]}, "result": (audio_of([made], rate), json.dumps(report))}


def _sum_stems(
    plan: MixPlan, stems: dict[StemName, Samples], length: int, sample_rate_hz: int, work: Work
) -> tuple[Samples, Samples, Samples, dict[str, Any]]:
    """Return the stems' sum [2, length], what they send to room and delay [1, length], and what was done to each."""
    mix, to_room, to_delay = (np.zeros((channels, length), np.float32) for channels in (2, 1, 1))
    reports: dict[str, Any] = {}
    for name, sound in stems.items():
        stem = plan.stems[name]
        if stem.mute:
            reports[name] = {"muted": True}
            continue
        duck = None
        if stem.duck and stem.duck.by in stems and stem.duck.by != name:
            key = stems[stem.duck.by][:, : sound.shape[1]]
            key = np.pad(key, ((0, 0), (0, sound.shape[1] - key.shape[1])))
            duck = ducking_curve(key, stem.duck, sample_rate_hz, work)
        made = place_stem(sound, stem, duck, sample_rate_hz, work)
        for start, block in stretches(made.sound):
            at = slice(start, start + block.shape[1])
            mix[:, at] += block
            middle = block.mean(axis=0)
            to_room[0, at] += middle * np.float32(stem.reverb)
            to_delay[0, at] += middle * np.float32(stem.delay)
            work.tick()
        reports[name] = made.report
    return mix, to_room, to_delay, reports


def connected_stems(stems: Mapping[str, Mapping[str, Any] | None]) -> tuple[dict[StemName, Samples], int]:
    """Return the stems that are connected, and the rate that all have."""
    connected = {name: sound_in(audio, name) for name in STEMS if (audio := stems.get(name)) is not None}
    if not connected:
        raise ValueError(f"no stem is connected; allowed is at least one of {', '.join(STEMS)}")
    rates = {rate for _, rate in connected.values()}
    if len(rates) > 1:
        each = ", ".join(f"{name} {rate}" for name, (_, rate) in connected.items())
        raise ValueError(f"the stems have different rates in Hz: {each}; allowed is one for all")
    return {name: sound for name, (sound, _) in connected.items()}, rates.pop()
