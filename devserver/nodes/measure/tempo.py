"""The tempo, from how onsets repeat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0
LIKELY_BPM, SPREAD_OCTAVES = 118.0, 0.9
BEATS = ((0.5, 0.4), (1, 1.0), (2, 0.8), (3, 0.35), (4, 0.8), (8, 0.5))  # how much each distance speaks for a tempo
SHORTEST_SECONDS = 2.0
UNSURE = 0.1
CLEARLY = 0.01


def tempo_of(onsets: Samples, swells: Samples, frames_per_second: float) -> tuple[float | None, float]:
    """Return the tempo and its confidence, by onsets; where they hardly repeat, by swells if these do."""
    by_onsets = tempo(onsets, frames_per_second)
    if by_onsets[0] is None or by_onsets[1] >= UNSURE:
        return by_onsets
    slow = tempo(swells, frames_per_second)
    return slow if slow[1] > by_onsets[1] else by_onsets


def tempo(onsets: Samples, frames_per_second: float) -> tuple[float | None, float]:
    """Return the tempo in bpm (60 to 200) by autocorrelation of onsets, and their periodicity; None below 2 s."""
    if len(onsets) < SHORTEST_SECONDS * frames_per_second or not onsets.any():
        return None, 0.0
    size = 1 << (2 * len(onsets) - 1).bit_length()
    raw = np.fft.irfft(np.abs(np.fft.rfft(onsets.astype(np.float64), size)) ** 2)[: len(onsets)]
    correlation = raw / np.arange(len(onsets), 0, -1)
    correlation[int(len(correlation) * 0.9) :] = 0  # too few frames overlap there

    def at(lag: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(lag, np.arange(len(correlation)), correlation, right=0.0)

    candidates = np.arange(SLOWEST_BPM, FASTEST_BPM, 0.1)
    beat = 60 * frames_per_second / candidates
    score = np.asarray(sum(weight * at(beat * beats) for beats, weight in BEATS))
    score *= np.exp(-0.5 * (np.log2(candidates / LIKELY_BPM) / SPREAD_OCTAVES) ** 2)
    coarse = float(candidates[int(np.argmax(score))])
    for beats in (4, 16):  # a longer lag tells the tempo more exactly
        fine = np.arange(coarse * (1 - 0.06 / beats), coarse * (1 + 0.06 / beats), 0.005)
        lag = 60 * frames_per_second / fine * beats
        if lag.max() < len(correlation) * 0.85:
            coarse = float(fine[int(np.argmax(at(lag)))])
    beat_at = 60 * frames_per_second / coarse
    even, third, two_thirds = at(beat_at * np.array([1.0, 2 / 3, 4 / 3]))
    if (third + two_thirds) / 2 > even + CLEARLY * correlation[0]:  # the period is one and a half beats
        coarse *= 1.5 if coarse * 1.5 <= FASTEST_BPM else 0.75
    chance = float(onsets.mean()) ** 2
    four_beats = float(at(np.array([240 * frames_per_second / coarse]))[0])
    return coarse, min(1.0, max(0.0, (four_beats - chance) / max(float(correlation[0]) - chance, 1e-12)))
