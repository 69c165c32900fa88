"""The key, from how much each pitch class sounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..music.theory import Key, Mode
from .spectra import Samples, Tick, magnitudes

WINDOW_SECONDS = 0.17
LOWEST_HZ, HIGHEST_HZ = 60.0, 2500.0
# How well each pitch class fits a key, from its tonic upwards (C. Krumhansl, Cognitive Foundations of Musical Pitch).
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# A peak may be a harmonic: it also speaks for the note a twelfth and for the note two octaves and a third below it.
HARMONICS = ((0, 1.0), (7, 0.4), (4, 0.2))


def find_key(mono: Samples, sample_rate_hz: int, tick: Tick) -> tuple[Key | None, float, float | None]:
    """The best fitting key, its lead over the best that is not its relative (0 to 1), and the tuning in cents."""
    classes = chroma(mono, sample_rate_hz, tick)
    if not classes.any():
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
    return best, min(1.0, max(0.0, (fits[0][0] - rival) * 3)), None


def chroma(mono: Samples, sample_rate_hz: int, tick: Tick) -> NDArray[np.float64]:
    """The weight of each pitch class, from the tonal peaks of the spectrum between 60 Hz and 2.5 kHz."""
    size = 1 << round(np.log2(WINDOW_SECONDS * sample_rate_hz))
    classes = np.zeros(12)
    for frames in magnitudes(mono, size, size // 2, tick):
        near = frames[:, : int((HIGHEST_HZ + 100) * size / sample_rate_hz)]
        loudest = frames.max(axis=1, keepdims=True)
        is_peak = (
            (near[:, 1:-1] > near[:, :-2]) & (near[:, 1:-1] > near[:, 2:]) & (near[:, 1:-1] > loudest * 0.01 + 1e-6)
        )
        frame, place = np.nonzero(is_peak)
        before, at, after = (np.log(near[frame, place + offset] + 1e-9) for offset in range(3))
        shift = 0.5 * (before - after) / (before - 2 * at + after - 1e-9)
        frequency = (place + 1 + np.clip(shift, -0.5, 0.5)) * sample_rate_hz / size
        pitch = 69 + 12 * np.log2(frequency / 440)
        tuned = (np.abs(pitch - np.round(pitch)) < 0.3) & (frequency > LOWEST_HZ) & (frequency < HIGHEST_HZ)
        weight = np.sqrt(near[frame, place + 1] / loudest[frame, 0])[tuned]
        for interval, share in HARMONICS:
            classes += np.bincount((np.round(pitch[tuned]).astype(int) - interval) % 12, weight * share, minlength=12)
    return classes
