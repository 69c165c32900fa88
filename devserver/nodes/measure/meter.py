"""Loudness, its course and its range, and the true peak of a clip, by the studio's meter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..studio.meter import (
    HOP_SECONDS,
    SHORT_SECONDS,
    SILENCE_LUFS,
    Array,
    Meter,
    Samples,
    by_tenths,
    integrated_lufs,
    lufs,
    range_lu,
    short_powers,
)

CURVE_POINTS = 120
CURVE_STEPS_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
FEED_SECONDS = 0.5


@dataclass(frozen=True)
class Loudness:
    """None where the sound is below the gate or shorter than what is measured (0.4 s, 3 s)."""

    integrated_lufs: float | None
    short_term_max_lufs: float | None
    curve_lufs: tuple[float | None, ...]
    curve_step_seconds: float
    range_lu: float | None
    true_peak: float


def measure_loudness(audio: Samples, sample_rate_hz: int, tick: Callable[[], None]) -> Loudness:
    """Return the loudness of finite float32 [C, T], C 1 or 2; `tick` is called every half second of sound."""
    length = audio.shape[1]
    meter, size = Meter(sample_rate_hz), max(1, round(FEED_SECONDS * sample_rate_hz))
    for start in range(0, length, size):
        meter.add(audio[:, start : start + size])
        tick()
    peaks, energies = meter.steps()
    tenths = by_tenths(energies, length, sample_rate_hz)
    short_term: Array = lufs(short_powers(tenths))
    seconds = length / sample_rate_hz
    step = next((step for step in CURVE_STEPS_SECONDS if seconds / step <= CURVE_POINTS), CURVE_STEPS_SECONDS[-1])
    before_first = round(SHORT_SECONDS / HOP_SECONDS)
    ends = [round(number * step / HOP_SECONDS) - before_first for number in range(1, int(seconds / step) + 1)]
    loudest = _gate(short_term.max(initial=SILENCE_LUFS))
    return Loudness(
        integrated_lufs=_gate(integrated_lufs(tenths)),
        short_term_max_lufs=loudest,
        curve_lufs=tuple(_gate(short_term[end]) if 0 <= end < len(short_term) else None for end in ends),
        curve_step_seconds=step,
        range_lu=range_lu(tenths) if loudest is not None else None,
        true_peak=float(peaks.max(initial=0.0)),
    )


def _gate(value: float | np.floating) -> float | None:
    return round(float(value), 2) if value > SILENCE_LUFS else None
