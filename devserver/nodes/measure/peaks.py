"""The outline of a waveform, as a player draws it: audiowaveform's JSON, version 2."""

from __future__ import annotations

import json
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.floating[Any]]
Bits = Literal[8, 16]

FINEST_SAMPLES = 16  # of one point, where the length is not known beforehand


class Peaks:
    """The lowest and highest sample of each stretch of a sound that comes in blocks; memory does not grow with it.

    Args:
        sample_rate_hz: of the sound.
        points: at most so many pairs per channel. Where `length_samples` is given there are about so many, else at
            least half as many: stretches are joined in pairs as the sound goes on.
        bits: 8 (values from -128 to 127) or 16; full scale is 128 or 32768, as audiowaveform has it.
        channels: how many to draw. 1 takes the extremes over all channels of a block.
        length_samples: of the whole sound, if known.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        *,
        points: int = 2000,
        bits: Bits = 8,
        channels: int = 1,
        length_samples: int | None = None,
    ) -> None:
        if points < 2:
            raise ValueError(f"points is {points}; allowed is 2 or more")
        self.sample_rate_hz, self.points, self.bits, self.channels = sample_rate_hz, points, bits, channels
        known = length_samples is not None
        self.samples_per_point = max(1, -(-(length_samples or 0) // points)) if known else FINEST_SAMPLES
        self._extremes = np.zeros((0, channels, 2), np.float32)
        self._rest = np.zeros((channels, 0, 2), np.float32)  # samples of a stretch that is not complete

    def add(self, block: Sound) -> None:
        """The next samples, float [C, n] with full scale 1; what is no number counts as silence.

        Raises:
            ValueError: the block has not as many channels as are drawn (any number does where one is drawn).
        """
        if self.channels > 1 and len(block) != self.channels:
            raise ValueError(f"a block has {len(block)} channels; allowed is {self.channels}")
        fresh = np.nan_to_num(np.asarray(block, np.float32), nan=0.0, posinf=1.0, neginf=-1.0)
        low, high = (fresh, fresh) if self.channels > 1 else (fresh.min(0, keepdims=True), fresh.max(0, keepdims=True))
        pending = np.concatenate((self._rest, np.stack((low, high), axis=-1)), axis=1)
        complete = pending.shape[1] // self.samples_per_point * self.samples_per_point
        self._rest = pending[:, complete:]
        if complete:
            self._extremes = np.concatenate((self._extremes, _extremes(pending[:, :complete], self.samples_per_point)))
        while len(self._extremes) + (self._rest.shape[1] > 0) > self.points:
            self._halve()

    def data(self) -> dict[str, Any]:
        """Return the document: `data` holds minimum and maximum of each channel, stretch after stretch."""
        extremes = self._extremes
        if self._rest.shape[1]:
            extremes = np.concatenate((extremes, _extremes(self._rest, self._rest.shape[1])))
        scale = 1 << (self.bits - 1)
        values = np.clip(np.round(extremes * scale), -scale, scale - 1).astype(int)
        return {
            "version": 2,
            "channels": self.channels,
            "sample_rate": self.sample_rate_hz,
            "samples_per_pixel": self.samples_per_point,
            "bits": self.bits,
            "length": len(extremes),
            "data": values.ravel().tolist(),
        }

    def json(self) -> str:
        return json.dumps(self.data(), separators=(",", ":"))

    def _halve(self) -> None:
        """Joins stretches in pairs; an odd last one is kept as the first samples of the one that is not complete."""
        if len(self._extremes) % 2:
            last = np.repeat(self._extremes[-1][:, None], self.samples_per_point, axis=1)
            self._rest = np.concatenate((last, self._rest), axis=1)
            self._extremes = self._extremes[:-1]
        pairs = self._extremes.reshape(-1, 2, self.channels, 2)
        self._extremes = np.stack((pairs[..., 0].min(axis=1), pairs[..., 1].max(axis=1)), axis=-1)
        self.samples_per_point *= 2


def _extremes(lows_and_highs: NDArray[np.float32], stretch: int) -> NDArray[np.float32]:
    """Reduce [C, k * stretch, 2] to [k, C, 2]."""
    stretches = lows_and_highs.reshape(len(lows_and_highs), -1, stretch, 2)
    return np.stack((stretches[..., 0].min(axis=2), stretches[..., 1].max(axis=2)), axis=-1).transpose(1, 0, 2)
