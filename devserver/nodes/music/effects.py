"""Transitions that are no drums: a rising noise, an impact, a swelling cymbal. They last as long as their notes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .dsp import Array, Samples, decay, filter_band, hiss, noise, ramp, samples, sine, ticks

RISER, IMPACT, SWELL = 27, 28, 29
END_SECONDS = 0.006
SIDE_SECONDS = 0.011


def effect(pitch: int, length: int, seed: int) -> Samples:
    """Return the effect of a pitch, float32 [2, length], peak about 1; it ends at zero."""
    rng = np.random.default_rng((seed, pitch))
    mono = np.asarray(_MAKERS[pitch](length, rng), np.float32)
    late = samples(SIDE_SECONDS) if pitch != IMPACT else 0
    sound = np.stack([mono, np.roll(mono, late)])  # as wide as a moment between the ears makes it
    sound[1, :late] = 0
    fade = min(length, samples(END_SECONDS))
    sound[:, -fade:] *= ramp(1, 0, fade)
    return sound


def _riser(length: int, rng: np.random.Generator) -> Array:
    """Noise whose band climbs from 300 Hz to 9 kHz while it grows."""
    bands = np.geomspace(400, 8000, 4)
    way = ramp(0, len(bands) - 1, length)
    air = hiss(rng, length)
    sound = np.zeros(length, np.float32)
    for index, hz in enumerate(bands):
        near = slice(*np.searchsorted(way, [index - 1, index + 1]))  # where this band is heard
        sound[near] += (1 - np.abs(way[near] - np.float32(index))) * _band(air[near], float(hz))
    return sound * ramp(0, 1, length) ** np.float32(1.6) * np.float32(0.9)


def _band(air: Samples, hz: float) -> Samples:
    """Noise round a frequency, as loud as that round another. Long noise is filtered in pieces."""
    piece = 1 << 15
    band = np.concatenate(
        [filter_band(air[at : at + piece], hz * 0.6, hz * 1.6, 2) for at in range(0, len(air), piece)]
    )
    return np.asarray(band / max(1e-9, 3.5 * float(band.std())), np.float32)


def _impact(length: int, rng: np.random.Generator) -> Array:
    boom = sine(34 + 60 * np.exp(-ticks(0, length) / samples(0.09)), length) * decay(length, 1.6)
    air = noise(rng, length, 150, 2500, 1) * decay(length, 1.1)
    return np.asarray(np.tanh(1.4 * boom) * 0.7 + 0.35 * air)


def _swell(length: int, rng: np.random.Generator) -> Array:
    wash = noise(rng, length, 3500, 13_000) * ramp(0, 1, length) ** 3
    return np.asarray(wash / max(1e-9, float(np.abs(wash).max())) * 0.7)


_MAKERS: dict[int, Callable[[int, np.random.Generator], Array]] = {RISER: _riser, IMPACT: _impact, SWELL: _swell}
