"""The key, from how much each pitch class sounds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..music.theory import Key, Mode
from .spectra import Samples, Tick, magnitudes

Array = NDArray[np.floating[Any]]

WINDOW_SECONDS = 0.17
LOWEST_HZ, HIGHEST_HZ = 60.0, 2500.0
PEAK_SHARE = 0.01  # of the loudest bin of its frame
IN_TUNE_SEMITONES = 0.3
# How well each pitch class fits a key, from its tonic upwards: the tonic's triad, then the scale, nothing else. Told by
# listeners' ratings (Krumhansl, Temperley and others) more of our own renders were given a neighbouring key.
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (2, 0, 1, 0, 1.5, 1, 0, 1.5, 0, 1, 0, 1),
    "minor": (2, 0, 1, 1.5, 0, 1, 0, 1.5, 1, 0, 1, 0),
}
TWELFTH_SHARE = 0.4  # a peak may be the third harmonic: it also speaks for the note a twelfth below it
CONFIDENT_LEAD = 0.2


def find_key(mono: Samples, sample_rate_hz: int, tick: Tick) -> tuple[Key | None, float, float | None]:
    """Return the best key, its lead over the best that is not its relative (0 to 1), and the tuning in cents."""
    pitches, weights = _tones(mono, sample_rate_hz, tick)
    if not weights.size:
        return None, 0.0, None
    tuning = _tuning(pitches, weights)
    classes = _chroma(pitches - tuning, weights)
    if classes.max() == classes.min():
        return None, 0.0, None
    fits = sorted(
        (
            (float(np.corrcoef(np.roll(profile, tonic), classes)[0, 1]), tonic, mode)
            for mode, profile in PROFILES.items()
            for tonic in range(12)
        ),
        reverse=True,
    )
    best = Key(fits[0][1], fits[0][2])
    rival = next(fit for fit, tonic, mode in fits[1:] if Key(tonic, mode) != best.relative)
    return best, min(1.0, max(0.0, (fits[0][0] - rival) / CONFIDENT_LEAD)), 100 * tuning


def _tones(mono: Samples, sample_rate_hz: int, tick: Tick) -> tuple[Array, Array]:
    """Return the spectrum's tonal peaks between 60 Hz and 2.5 kHz: fractional MIDI pitches, and their weights."""
    size = 1 << round(np.log2(WINDOW_SECONDS * sample_rate_hz))
    pitches, weights = [np.zeros(0)], [np.zeros(0)]
    for frames in magnitudes(mono, size, size // 2, tick):
        near = frames[:, : int((HIGHEST_HZ + 100) * size / sample_rate_hz)]
        loudest = frames.max(axis=1, keepdims=True)
        at = near[:, 1:-1]
        frame, place = np.nonzero((at > near[:, :-2]) & (at > near[:, 2:]) & (at > loudest * PEAK_SHARE + 1e-6))
        before, top, after = (np.log(near[frame, place + offset] + 1e-9) for offset in range(3))
        shift = 0.5 * (before - after) / (before - 2 * top + after - 1e-9)
        frequency = (place + 1 + np.clip(shift, -0.5, 0.5)) * sample_rate_hz / size
        tonal = (frequency > LOWEST_HZ) & (frequency < HIGHEST_HZ)
        pitches.append(69 + 12 * np.log2(frequency[tonal] / 440))
        # A frame's tones are weighed against each other: a loud drum takes nothing from them.
        frame, height = frame[tonal], near[frame, place + 1][tonal]
        strongest = np.zeros(len(frames))
        np.maximum.at(strongest, frame, height)
        weights.append(np.sqrt(height / strongest[frame]))
    return np.concatenate(pitches), np.concatenate(weights)


def _tuning(pitches: Array, weights: Array) -> float:
    """Return the tuning in semitones (-0.5 to 0.5) relative to A = 440 Hz."""
    return float(np.angle((weights * np.exp(2j * np.pi * pitches)).sum()) / (2 * np.pi))


def _chroma(pitches: Array, weights: Array) -> Array:
    """Return the weight of each pitch class."""
    nearest = np.round(pitches).astype(int)
    tuned = np.abs(pitches - nearest) < IN_TUNE_SEMITONES
    notes, shares = nearest[tuned], weights[tuned]
    own, twelfth = (np.bincount((notes - interval) % 12, shares, minlength=12) for interval in (0, 7))
    return np.asarray(own + TWELFTH_SHARE * twelfth)
