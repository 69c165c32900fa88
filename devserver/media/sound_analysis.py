"""Analyse a sound while it is decoded, block by block: levels, silence, clipping, stereo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from devserver.media.measure import FULL_SCALE
from devserver.media.mixdown import channel_names, mix_matrix

if TYPE_CHECKING:
    from av.audio.stream import AudioStream

Samples = NDArray[np.float32]

SILENT_BELOW: Final = 10 ** (-80 / 20)
WINDOWS_A_SECOND: Final = 10
FLAT: Final = 5  # so many adjacent samples at full scale are a clipped peak; a full bass note has up to four


@dataclass(frozen=True)
class SoundAnalysis:
    """The analysis of a whole sound.

    Attributes:
        clipped_share: the part of all samples that stand in a row of five or more at full scale or above.
        silent_share: the part of the time in which no channel reaches -80 dBFS.
        dc_offset: the largest mean of a channel.
        correlation: of left and right, -1 to 1; None where there is one channel, or one side has no sound.
        one_sided: `left` or `right` where the other side has no sound, else ''.
        mixed_peak: the highest sample of the stereo mix at unchanged level; None of mono and stereo.
    """

    clipped_share: float
    silent_share: float
    dc_offset: float
    correlation: float | None
    one_sided: str
    mixed_peak: float | None


class SoundAnalyser:
    """Analyses a sound block by block. Memory does not grow with its length."""

    def __init__(self) -> None:
        self._waiting: list[Samples] = []
        self._count = self._rate = 0
        self._matrix: Samples | None = None
        self._samples = self._clipped = self._silent = 0
        self._mixed_peak = 0.0
        self._sums = self._powers = np.zeros(1)
        self._cross = 0.0

    def add(self, stream: AudioStream, block: Samples) -> None:
        """Add the next block of a stream, [channels, samples]."""
        if not self._rate:
            self._rate = stream.rate
            channels = len(block)
            self._sums, self._powers = np.zeros(channels), np.zeros(min(channels, 2))
            if channels > 2:
                self._matrix = mix_matrix(channel_names(stream))
        self._waiting.append(block)
        self._count += block.shape[1]
        if self._count >= self._rate:
            self._process()

    def result(self) -> SoundAnalysis:
        """Return the analysis of the whole sound, which must have a sample."""
        if self._waiting:
            self._process()
        stereo = len(self._powers) == 2
        correlation, one_sided = None, ""
        if stereo:
            left, right = (float(power) for power in self._powers)
            if min(left, right) < 1e-8 * max(left, right):
                one_sided = "left" if left > right else "right"
            elif left > 0:
                correlation = max(-1.0, min(1.0, self._cross / math.sqrt(left * right)))
        return SoundAnalysis(
            clipped_share=self._clipped / (self._samples * len(self._sums)),
            silent_share=self._silent / self._samples,
            dc_offset=float(np.abs(self._sums).max() / self._samples),
            correlation=correlation,
            one_sided=one_sided,
            mixed_peak=None if self._matrix is None else self._mixed_peak,
        )

    def _process(self) -> None:
        """Add up the waiting blocks, about a second."""
        block = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting, axis=1)
        self._waiting, self._count = [], 0
        levels = np.abs(block)
        self._samples += block.shape[1]
        self._sums += block.sum(axis=1, dtype=np.float64)
        self._clipped += _flat_tops(levels >= FULL_SCALE)
        starts = np.arange(0, block.shape[1], max(1, self._rate // WINDOWS_A_SECOND))
        highest = np.maximum.reduceat(levels.max(axis=0), starts)
        lengths = np.diff(starts, append=block.shape[1])
        self._silent += int(lengths[highest < SILENT_BELOW].sum())
        if self._matrix is not None:
            block = self._matrix @ block
            self._mixed_peak = max(self._mixed_peak, float(np.abs(block).max()))
        self._powers += np.square(block, dtype=np.float64).sum(axis=1)
        if len(block) == 2:
            self._cross += float(np.dot(block[0].astype(np.float64), block[1].astype(np.float64)))


def _flat_tops(full: NDArray[np.bool_]) -> int:
    """Count the samples in rows of at least `FLAT` at full scale."""
    if not full.any():
        return 0
    rows = full.copy()
    for shift in range(1, FLAT):
        rows[:, :-shift] &= full[:, shift:]
        rows[:, -shift:] = False
    held = rows.copy()
    for shift in range(1, FLAT):
        held[:, shift:] |= rows[:, :-shift]
    return int(np.count_nonzero(held))
