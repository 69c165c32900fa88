"""Transitions that are no drums: a rising noise, an impact, a swelling cymbal. They last as long as their notes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .dsp import Array, decay, filtered, noise, samples, sine

RISER, IMPACT, SWELL = 27, 28, 29
END_SECONDS = 0.006
SIDE_SECONDS = 0.011


def effect(pitch: int, length: int, seed: int) -> Array:
    """The effect of a pitch, float64 [2, length], peak about 1; it ends at zero."""
    rng = np.random.default_rng((seed, pitch))
    mono = _MAKERS[pitch](length, rng)
    late = samples(SIDE_SECONDS) if pitch != IMPACT else 0
    sound = np.stack([mono, np.roll(mono, late)])  # as wide as a moment between the ears makes it
    sound[1, :late] = 0
    fade = min(length, samples(END_SECONDS))
    sound[:, -fade:] *= np.linspace(1, 0, fade)
    return sound


def _riser(length: int, rng: np.random.Generator) -> Array:
    """Noise whose band climbs from 300 Hz to 9 kHz while it grows."""
    way = np.linspace(0, 1, length)
    bands = np.geomspace(400, 8000, 4)
    hiss = rng.standard_normal(length)
    sound = np.zeros(length)
    for index, hz in enumerate(bands):
        near = np.maximum(0.0, 1 - np.abs(way * (len(bands) - 1) - index))
        sound += near * _band(hiss, hz)
    return sound * way**1.6 * 0.9


def _band(hiss: Array, hz: float) -> Array:
    """Noise round a frequency, as loud as that round another. Long noise is filtered in pieces."""
    piece = 1 << 16
    parts = [filtered(hiss[start : start + piece], hz * 0.6, hz * 1.6, 2) for start in range(0, len(hiss), piece)]
    band = np.concatenate(parts)
    return band / max(1e-9, 3.5 * float(band.std()))


def _impact(length: int, rng: np.random.Generator) -> Array:
    at = np.arange(length)
    boom = sine(34 + 60 * np.exp(-at / samples(0.09)), length) * decay(length, 1.6)
    air = noise(rng, length, 150, 2500, 1) * decay(length, 1.1)
    return np.asarray(np.tanh(1.4 * boom) * 0.7 + 0.35 * air)


def _swell(length: int, rng: np.random.Generator) -> Array:
    wash = noise(rng, length, 3500, 13_000) * np.linspace(0, 1, length) ** 3
    return np.asarray(wash / max(1e-9, float(np.abs(wash).max())) * 0.7)


_MAKERS: dict[int, Callable[[int, np.random.Generator], Array]] = {RISER: _riser, IMPACT: _impact, SWELL: _swell}
