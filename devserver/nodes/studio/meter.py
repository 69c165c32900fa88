"""A loudness meter for sound that comes in blocks: K-weighted energy and true peak of every 32 samples.

It reads as FFmpeg's ``ebur128=peak=true`` does: the same filters, the same interpolation to 192 kHz (for 48 kHz).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP = 32  # samples of one value
SILENCE_LUFS = -70.0
SILENCE_DBTP = -150.0
BLOCK_SECONDS, SHORT_SECONDS, HOP_SECONDS = 0.4, 3.0, 0.1
RELATIVE_GATE_LU, RANGE_GATE_LU = -10.0, -20.0

TAPS, KAISER_BETA = 32, 9.0
BEFORE, AFTER = 15, 16  # samples around a point that its interpolation needs
ROWS = 16  # of one matrix product: so small that the BLAS starts no threads, which cost more than they bring here
FILTER_SECONDS = 0.08  # after it the weighting's response is gone

Array = NDArray[np.float64]
Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Levels:
    """The levels of a whole sound; -70 LUFS and -150 dBTP for silence."""

    loudness_lufs: float
    true_peak_dbtp: float
    range_lu: float


class Meter:
    """Hears blocks of float32 [C, n], C 1 or 2, of any length. It keeps 8 bytes for every 32 samples."""

    def __init__(self, sample_rate_hz: int) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.length = 0
        self._history = max(STEP, 1 << math.ceil(math.log2(FILTER_SECONDS * sample_rate_hz)))
        self._frame = self._history * 7  # samples that are worked on at once
        self._weighting = _k_weighting(sample_rate_hz, self._history * 8)
        self._between = _interpolation(4 if sample_rate_hz == 48_000 else 8)
        self._waiting: list[Samples] = []
        self._waits = 0
        self._past: Samples | None = None
        self._peaks: list[Samples] = []
        self._energies: list[Samples] = []

    def add(self, block: Samples) -> None:
        if self._past is None:
            self._past = np.zeros((block.shape[0], self._history), np.float32)
        self._waiting.append(np.array(block, np.float32))
        self._waits += block.shape[1]
        self.length += block.shape[1]
        if self._waits >= self._frame + AFTER:
            sound = np.concatenate(self._waiting, axis=1)
            used = 0
            while sound.shape[1] - used >= self._frame + AFTER:
                self._work(sound[:, used : used + self._frame + AFTER])
                used += self._frame
            self._waiting, self._waits = [sound[:, used:]], sound.shape[1] - used

    def steps(self) -> tuple[Array, Array]:
        """Return the true peaks and K-weighted energies per 32 samples, over all channels; ends the adding."""
        if self._waits:
            sound = np.concatenate(self._waiting, axis=1)
            self._waiting, self._waits = [], 0
            for start in range(0, sound.shape[1], self._frame):
                part = sound[:, start : start + self._frame + AFTER]
                self._work(np.pad(part, ((0, 0), (0, self._frame + AFTER - part.shape[1]))))
        count = -(-self.length // STEP)
        peaks, energies = (np.concatenate([np.zeros(0), *parts])[:count] for parts in (self._peaks, self._energies))
        return peaks, energies

    def levels(self) -> Levels:
        peaks, energies = self.steps()
        tenths = by_tenths(energies, self.length, self.sample_rate_hz)
        return Levels(integrated_lufs(tenths), decibels(float(peaks.max(initial=0.0))), range_lu(tenths))

    def _work(self, sound: Samples) -> None:
        """Take a frame and the few samples after it into the lists."""
        past = self._past
        if past is None:
            raise RuntimeError("sound is added to a meter before it is read")
        whole = np.concatenate([past, sound], axis=1)
        end = self._history + self._frame
        peaks = self._true_peaks(whole[:, self._history - BEFORE :])
        if not self._peaks:  # the reference mirrors the beginning where others take silence to be before it
            mirrored = np.concatenate([sound[:, BEFORE:0:-1], sound[:, : 3 * STEP]], axis=1)
            first = self._true_peaks(mirrored[:, : BEFORE + 2 * STEP + AFTER])
            peaks[:2] = np.maximum(peaks[:2], first)
        self._peaks.append(peaks)
        # With this norm numpy transforms float32 as such; with the default one in a wider, slower type.
        spectrum = np.fft.rfft(whole[:, :end], norm="ortho") * self._weighting
        weighed = np.fft.irfft(spectrum, end, norm="ortho")[:, self._history :]
        by_step = weighed.reshape(len(weighed), -1, STEP)
        self._energies.append(np.einsum("cij,cij->i", by_step, by_step))
        self._past = whole[:, end - self._history : end]

    def _true_peaks(self, sound: Samples) -> Samples:
        """Return the peaks per step; the sound begins `BEFORE` samples before the first and ends `AFTER` the last."""
        windows = np.lib.stride_tricks.sliding_window_view(sound, BEFORE + STEP + AFTER, axis=1)[:, ::STEP]
        peaks = np.abs(windows[:, :, BEFORE : BEFORE + STEP]).max(axis=(0, 2))
        rows = math.gcd(len(peaks), ROWS)
        for channel in windows:
            batches = np.ascontiguousarray(channel).reshape(-1, rows, channel.shape[1])
            between = (batches @ self._between).reshape(len(peaks), -1)
            np.maximum(peaks, between.max(axis=1), out=peaks)
            np.maximum(peaks, -between.min(axis=1), out=peaks)
        return np.asarray(peaks)


def by_tenths(energies: Array, length: int, sample_rate_hz: int) -> Array:
    """Return the energy of each whole 0.1 s, from that of each step: a step across a border is shared out."""
    hop = sample_rate_hz * HOP_SECONDS
    borders = np.floor(np.arange(int(length / hop) + 1) * hop) / STEP
    whole = np.concatenate(([0.0], np.cumsum(energies)))
    below = np.minimum(borders.astype(int), len(energies))
    part = np.append(energies, 0.0)[below] * (borders - below)
    return np.asarray(np.diff(whole[below] + part) / hop)


def integrated_lufs(tenths: Array) -> float:
    """Return the gated loudness of a sound from the mean powers of its tenths of a second."""
    return gated_lufs(_windows(tenths, round(BLOCK_SECONDS / HOP_SECONDS)))


def gated_lufs(powers: Array) -> float:
    """Return the loudness of blocks of power, without pauses."""
    powers = powers[lufs(powers) > SILENCE_LUFS]
    if not powers.size:
        return SILENCE_LUFS
    return float(lufs(powers[lufs(powers) > lufs(powers.mean()) + RELATIVE_GATE_LU].mean()))


def short_powers(tenths: Array) -> Array:
    """Return the mean powers of the 3 s that end at each tenth of a second, from the third second on."""
    return _windows(tenths, round(SHORT_SECONDS / HOP_SECONDS))


def range_lu(tenths: Array) -> float:
    """Return the loudness range: what lies between the 10th and the 95th percentile of the loudness of 3 s."""
    powers = short_powers(tenths)
    powers = powers[lufs(powers) > SILENCE_LUFS]
    if not powers.size:
        return 0.0
    kept = np.sort(lufs(powers[lufs(powers) > lufs(powers.mean()) + RANGE_GATE_LU]))
    low, high = (max(int(share * len(kept) + 0.5) - 1, 0) for share in (0.1, 0.95))
    return float(kept[high] - kept[low])


def decibels(amplitude: float) -> float:
    return max(SILENCE_DBTP, 20 * math.log10(max(amplitude, 1e-12)))


def _windows(tenths: Array, size: int) -> Array:
    if len(tenths) < size:
        return np.zeros(0)
    total = np.concatenate(([0.0], np.cumsum(tenths)))
    return np.asarray((total[size:] - total[:-size]) / size)


def lufs(power: Array | float) -> Array:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-15)))


def _interpolation(factor: int) -> Samples:
    """From the samples around a step to the points between its samples: [63, 32 * (factor - 1)]."""
    matrix = np.zeros((BEFORE + STEP + AFTER, STEP, factor - 1))
    for phase in range(1, factor):
        away = np.arange(TAPS) - BEFORE - phase / factor
        taps = np.sinc(away) * np.i0(KAISER_BETA * np.sqrt(np.maximum(0, 1 - (2 * away / TAPS) ** 2)))
        for sample in range(STEP):
            matrix[sample : sample + TAPS, sample, phase - 1] = taps / taps.sum()
    return matrix.reshape(len(matrix), -1).astype(np.float32)


def _k_weighting(sample_rate_hz: int, size: int) -> NDArray[np.complex64]:
    """Return the spectrum of BS.1770's filters for a transform of `size`: a shelf of +4 dB, a high-pass at 38 Hz."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    k, q = math.tan(math.pi * 1681.974450955533 / sample_rate_hz), 0.7071752369554196
    high, band = 10 ** (3.999843853973347 / 20), 10 ** (3.999843853973347 / 20 * 0.4996667741545416)
    shelf = (high + band * k / q + k**2) + 2 * (k**2 - high) * z + (high - band * k / q + k**2) * z**2
    shelf /= (1 + k / q + k**2) + 2 * (k**2 - 1) * z + (1 - k / q + k**2) * z**2
    k, q = math.tan(math.pi * 38.13547087602444 / sample_rate_hz), 0.5003270373238773
    cut = (1 - z) ** 2 * (1 + k / q + k**2) / ((1 + k / q + k**2) + 2 * (k**2 - 1) * z + (1 - k / q + k**2) * z**2)
    response = np.fft.irfft(shelf * cut, size)
    response[size // 8 :] = 0
    return np.asarray(np.fft.rfft(response), np.complex64)
