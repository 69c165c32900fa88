"""Room for the stems: where one of them alone would pass full scale, mix and stems are turned down a little together.

A stem may be louder than the mix, where others take away from it. Cut off in a file it would no longer add up to it.
"""

from __future__ import annotations

import numpy as np

from ..studio.curves import apply_release, gain_at, least_around, mean_around
from ..studio.mastering import Mastering
from ..studio.meter import STEP
from .dsp import SAMPLE_RATE_HZ, Samples
from .mix import Stems
from .render import Tick

CEILING = 0.999
REACH = round(0.005 * SAMPLE_RATE_HZ / STEP)
RELEASE = 0.08 * SAMPLE_RATE_HZ / STEP
COARSE = STEP * 4  # samples of one peak
AT_ONCE = COARSE * 1024


class Headroom:
    """Hears the stems of a piece before they are mastered; keeps 4 bytes for every 128 samples."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._peaks = np.zeros(length // COARSE + 2, np.float32)
        self._curve: np.ndarray | None = None

    def add(self, stems: Stems, start: int) -> None:
        """The stems from sample `start` on; they come in order, in stretches of any length."""
        loudest = np.maximum.reduce([np.abs(stem).max(axis=0) for stem in stems.values()])
        edges = np.maximum(0, np.arange(-(start % COARSE), len(loudest), COARSE))
        place = self._peaks[start // COARSE : start // COARSE + len(edges)]
        np.maximum(place, np.maximum.reduceat(loudest, edges), out=place)

    def solve(self, mastering: Mastering, tick: Tick) -> float:
        """Find the gain for every moment; by how many dB it turns down at most."""
        for start in range(0, self._length, AT_ONCE):
            gain = mastering.apply(np.ones((1, AT_ONCE), np.float32), start)[0].reshape(-1, COARSE).max(axis=1)
            steps = self._peaks[start // COARSE : start // COARSE + len(gain)]
            steps *= gain[: len(steps)]
            tick()
        if self._peaks.max(initial=0.0) <= CEILING:
            return 0.0
        needed = np.repeat(np.minimum(1.0, CEILING / np.maximum(self._peaks, 1e-9)), COARSE // STEP)
        down = apply_release(-np.log(least_around(needed, REACH + 1)), RELEASE)
        self._curve = mean_around(np.exp(-down), REACH)
        tick()
        return float(-20 * np.log10(self._curve.min()))

    def apply(self, sound: Samples, start: int) -> Samples:
        return sound if self._curve is None else sound * gain_at(self._curve, start, sound.shape[1])
