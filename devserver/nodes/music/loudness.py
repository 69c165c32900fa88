"""The loudness of the parts of a song, before it is mixed: from the power spectra of blocks that do not overlap.

It costs a fraction of `studio.meter`, which measures what leaves the house; the gates and the scale are the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..studio.meter import BLOCK_SECONDS, gated_lufs
from .dsp import SAMPLE_RATE_HZ, Samples, fast_length, from_spectrum, samples, spectrum

BLOCK = samples(BLOCK_SECONDS)
WHOLLY_HEARD_SECONDS = 10  # of longer pieces so many blocks are enough, in an order that falls in with no rhythm:
SHARE_HEARD = 0.618


class PartMeter:
    """The gated loudness of a 48 kHz sound of two channels that comes stretch after stretch."""

    def __init__(self, length: int) -> None:
        self._share = SHARE_HEARD if length > WHOLLY_HEARD_SECONDS * SAMPLE_RATE_HZ else 1.0
        self._waiting = np.zeros((2, 0), np.float32)
        self._number = 0
        self._powers: list[float] = []

    def add(self, sound: Samples) -> None:
        known = np.concatenate([self._waiting, sound], axis=1)
        count = known.shape[1] // BLOCK
        for index in range(count):
            number = self._number + index
            if int((number + 1) * self._share) > int(number * self._share):
                self._powers.append(k_weighted_power(known[:, index * BLOCK : (index + 1) * BLOCK]))
        self._number += count
        self._waiting = known[:, count * BLOCK :].copy()

    def loudness_lufs(self) -> float:
        """Return the loudness; -70 for silence."""
        if not self._number:  # shorter than a block
            rest = np.pad(self._waiting, ((0, 0), (0, BLOCK - self._waiting.shape[1])))
            return gated_lufs(np.array([k_weighted_power(rest)]))
        return gated_lufs(np.array(self._powers))


def k_weighted_power(sound: Samples) -> float:
    """Return the K-weighted power of [1 or 2, n] at 48 kHz, summed over channels; a single channel counts twice."""
    if not sound.any():
        return 0.0
    transform = spectrum(sound, sound.shape[1])
    power = transform.real**2 + transform.imag**2
    return float((power * _weights(sound.shape[1])).sum()) * (2 // len(sound))


def k_weight(sound: Samples) -> Samples:
    """Return the K-weighted form of [C, n]."""
    size = fast_length(sound.shape[1] + BLOCK // 8)
    gain = np.sqrt(_weights(size) * np.float32(size / 2))
    return from_spectrum(spectrum(sound, size) * gain, size)[:, : sound.shape[1]]


@lru_cache(maxsize=8)
def _weights(size: int) -> Samples:
    """Return the squared magnitude of BS.1770's filters: a shelf of +4 dB above 1.7 kHz, a high-pass at 38 Hz."""
    # The published analogue prototypes behind the coefficients.
    s = 1j * np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    shelf_hz, shelf_q, gain = 1681.974, 0.70718, 10 ** (3.99984 / 20)
    shelf = (gain * s**2 + gain**0.4996667 * shelf_hz / shelf_q * s + shelf_hz**2) / (
        s**2 + shelf_hz / shelf_q * s + shelf_hz**2
    )
    cut_hz, cut_q = 38.13547, 0.5003270
    cut = s**2 / (s**2 + cut_hz / cut_q * s + cut_hz**2)
    return np.asarray(np.abs(shelf * cut) ** 2 * (2.0 / size), np.float32)
