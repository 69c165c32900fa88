"""Quiet noises under a whole piece: crackle, hiss, rain, waves, wind."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ..studio.meter import SILENCE_LUFS, gated_lufs
from .dsp import SAMPLE_RATE_HZ, Samples, from_spectrum, loop_slice, noise_loop, spectrum, ticks
from .genre import Bed as BedName
from .loudness import k_weighted_power

LOOP_BITS = 18  # 5.5 s
SIDE_SAMPLES = 90_001  # how much later the right ear hears the loop
LOUDNESS_LUFS: dict[BedName, float] = {"crackle": -38.0, "hiss": -38.0, "rain": -32.0, "waves": -32.0, "wind": -32.0}
BANDS_HZ: dict[BedName, tuple[float, float]] = {
    "hiss": (2000.0, 12_000.0),
    "rain": (1200.0, 9000.0),
    "waves": (120.0, 1800.0),
    "wind": (150.0, 700.0),
}
SWELLS_HZ: dict[BedName, tuple[float, float]] = {"waves": (0.11, 0.17), "wind": (0.13, 0.31)}  # how often each swells
CRACKLES_PER_SECOND = 9


class Bed:
    """One of them. What is heard at a moment depends on that moment alone."""

    def __init__(self, name: BedName, seed: int) -> None:
        self._loop = _loop(name, seed)
        self._swells_hz = SWELLS_HZ.get(name, ())

    def play(self, start: int, stop: int) -> Samples:
        sides = np.stack([loop_slice(self._loop, start + late, stop + late) for late in (0, SIDE_SAMPLES)])
        for hz in self._swells_hz:
            angle = (start / SAMPLE_RATE_HZ * hz % 1) * 2 * math.pi
            sides *= 0.65 - 0.35 * np.cos(
                ticks(0, stop - start) * np.float32(2 * math.pi * hz / SAMPLE_RATE_HZ) + np.float32(angle)
            )
        return sides


@lru_cache(maxsize=4)
def _loop(name: BedName, seed: int) -> Samples:
    loop = _crackle(seed) if name == "crackle" else noise_loop(*BANDS_HZ[name], LOOP_BITS)
    power = k_weighted_power(loop[np.newaxis])
    loudness = gated_lufs(np.array([power]))
    return loop * np.float32(10 ** ((LOUDNESS_LUFS[name] - loudness) / 20)) if loudness > SILENCE_LUFS else loop


def _crackle(seed: int) -> Samples:
    """Dust in a groove: single clicks of very different force, each softened by a short bell, over a faint hiss."""
    rng = np.random.default_rng((seed, 5))
    size = 1 << LOOP_BITS
    clicks = np.zeros(size, np.float32)
    count = round(size / SAMPLE_RATE_HZ * CRACKLES_PER_SECOND)
    clicks[rng.integers(size, size=count)] = rng.choice([-1, 1], count) * rng.exponential(1.0, count) ** 1.5
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    ring = np.exp(-((np.log2(np.maximum(hz, 1) / 2500)) ** 2)).astype(np.float32)
    grains: Samples = from_spectrum(spectrum(clicks, size) * ring, size)
    return grains / np.float32(np.abs(grains).max()) + np.float32(0.004) * noise_loop(1500.0, 9000.0, LOOP_BITS)
