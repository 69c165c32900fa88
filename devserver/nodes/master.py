"""The node that masters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .studio.audio import Samples, Work, audio_of, sounds_in, stretches
from .studio.encode import FORMS, overshoot_db
from .studio.filters import Band, equalise
from .studio.mastering import REACHED_LU, Glue, Mastered, Mastering
from .studio.meter import Levels, Meter

# Loudness in LUFS and ceiling in dBTP. The services publish theirs, R128 is the EBU's; a club has no norm: ours.
PRESETS: dict[str, tuple[float, float]] = {
    "Spotify": (-14.0, -1.0),
    "Apple Music": (-16.0, -1.0),
    "YouTube": (-14.0, -1.0),
    "EBU R128": (-23.0, -1.0),
    "club": (-9.0, -0.5),
}
OWN = "own"
TONES: dict[str, tuple[Band, ...]] = {
    "clean": (Band("low_cut", 24),),
    "warm": (Band("low_cut", 24), Band("tilt", db=-0.3), Band("high_shelf", 12_000, -1)),
    "bright": (Band("low_cut", 28), Band("tilt", db=0.25)),
    "air": (Band("low_cut", 24), Band("high_shelf", 11_000, 2.5)),
    "as it is": (),
}
CORRECTIONS, CLOSE_ENOUGH_LU = 3, 0.06


class TonewrightMaster:
    """Equalises, glues, and brings to a loudness under a true-peak ceiling. Length and rate stay.

    `ui.tonewright` has, for each sound, loudness, true peak and range before and after, what the compressor and the
    limiter took away at most, and a remark where the target cannot be reached.
    """

    DISPLAY_NAME = "Master (Tonewright)"
    CATEGORY = "tonewright/studio"
    DESCRIPTION = (
        "Masters a sound: tone, glue compression and a true-peak limiter, to the loudness of a service or your own."
    )
    FUNCTION = "run"
    OUTPUT_NODE = True
    RETURN_TYPES = ("AUDIO",)
    RETURN_NAMES = ("audio",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        own = f'Used with the preset "{OWN}".'
        return {
            "required": {
                "audio": ("AUDIO", {"tooltip": "One sound or more, mono or stereo."}),
                "preset": ([*PRESETS, OWN], {"default": "Spotify"}),
                "loudness_lufs": ("FLOAT", {"default": -14.0, "min": -36.0, "max": -5.0, "step": 0.1, "tooltip": own}),
                "ceiling_dbtp": ("FLOAT", {"default": -1.0, "min": -12.0, "max": 0.0, "step": 0.1, "tooltip": own}),
                "tone": ([*TONES], {"default": "clean"}),
                "glue": (
                    "FLOAT",
                    {"default": 0.3, "min": 0.0, "max": 1.0, "step": 0.05, "tooltip": "0 is none, 1 up to 5 dB."},
                ),
                "made_for": (
                    ["lossless", *(name for name in FORMS if overshoot_db(name))],
                    {"default": "lossless", "tooltip": "Leaves room for what this encoder adds to the peaks."},
                ),
            },
            "optional": {
                "low_cut_hz": ("FLOAT", {"default": 0.0, "min": 0.0, "max": 200.0, "step": 1.0}),
                "tilt_db": ("FLOAT", {"default": 0.0, "min": -1.5, "max": 1.5, "step": 0.05, "tooltip": "Per octave."}),
                "air_db": ("FLOAT", {"default": 0.0, "min": -6.0, "max": 6.0, "step": 0.1, "tooltip": "Above 11 kHz."}),
            },
        }

    def run(
        self,
        *,
        audio: Mapping[str, Any],
        preset: str,
        loudness_lufs: float,
        ceiling_dbtp: float,
        tone: str,
        glue: float,
        made_for: str,
        low_cut_hz: float = 0.0,
        tilt_db: float = 0.0,
        air_db: float = 0.0,
    ) -> dict[str, Any]:
        sounds, rate = sounds_in(audio)
        loudness_lufs, ceiling_dbtp = PRESETS.get(preset, (loudness_lufs, ceiling_dbtp))
        room_db = 0.0 if made_for == "lossless" else overshoot_db(made_for, loudness_lufs=loudness_lufs)
        bands = [*TONES[tone]]
        bands += [Band("low_cut", low_cut_hz)] if low_cut_hz else []
        bands += [Band("tilt", db=tilt_db)] if tilt_db else []
        bands += [Band("high_shelf", 11_000, air_db)] if air_db else []
        work = Work(sum(sound.shape[1] for sound in sounds), 6)
        made, reports = [], []
        for sound in sounds:
            mastering = Mastering(
                loudness_lufs=loudness_lufs,
                ceiling_dbtp=ceiling_dbtp - room_db,
                sample_rate_hz=rate,
                glue=Glue(ratio=1 + glue, most_db=5 * glue) if glue else None,
            )
            before = measure_sound(sound, rate, work)
            out, done, after = master_sound(equalise(sound, bands, rate, work.tick), rate, mastering, work)
            made.append(out)
            asked = {"preset": preset, "loudness_lufs": loudness_lufs, "ceiling_dbtp": ceiling_dbtp}
            reports.append(asked | {"made_for": made_for, "room_db": room_db} | _report(before, after, done))
        work.end()
        return {"ui": {"tonewright": reports}, "result": (audio_of(made, rate),)}


def measure_sound(sound: Samples, sample_rate_hz: int, work: Work) -> Levels:
    """Return the levels of a sound."""
    meter = Meter(sample_rate_hz)
    for _, block in stretches(sound):
        meter.add(block)
        work.tick()
    return meter.levels()


def master_sound(
    sound: Samples, sample_rate_hz: int, mastering: Mastering, work: Work
) -> tuple[Samples, Mastered, Levels]:
    """Return the sound through its mastering, what was done, and how the result measures.

    Hard limiting makes the computed loudness a little wrong; then the gain is solved again.
    """
    for _, block in stretches(sound):
        mastering.add(block)
        work.tick()
    done = mastering.solve(work.tick)
    out, corrections = np.empty_like(sound), 0
    while True:
        for start, block in stretches(sound):
            out[:, start : start + block.shape[1]] = mastering.apply(block, start)
            work.tick()
        heard = measure_sound(out, sample_rate_hz, work)
        target = mastering.loudness_lufs
        if target is None or done.remark or abs(heard.loudness_lufs - target) < CLOSE_ENOUGH_LU:
            return out, done, heard
        if corrections == CORRECTIONS:
            if abs(heard.loudness_lufs - target) <= REACHED_LU:
                return out, done, heard
            return (
                out,
                replace(done, remark=f"{target:g} LUFS is not reached, {heard.loudness_lufs:.1f} LUFS is"),
                heard,
            )
        corrections += 1
        done = mastering.correct(heard.loudness_lufs, work.tick)


def _report(before: Levels, after: Levels, done: Mastered) -> dict[str, Any]:
    return {
        "before": _levels(before),
        "after": _levels(after),
        "gain_db": round(done.gain_db, 2),
        "glue_reduction_db": round(done.glue_reduction_db, 2),
        "limiter_reduction_db": round(done.limiter_reduction_db, 2),
        "limited_share": round(done.limited_share, 3),
        "reached": not done.remark,
        "remark": done.remark,
    }


def _levels(levels: Levels) -> dict[str, float]:
    return {
        "loudness_lufs": round(levels.loudness_lufs, 2),
        "true_peak_dbtp": round(levels.true_peak_dbtp, 2),
        "range_lu": round(levels.range_lu, 2),
    }
