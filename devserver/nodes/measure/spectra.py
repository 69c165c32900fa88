"""One pass of short spectra: how the sound rises from moment to moment, how bright it is, where it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Tick = Callable[[], None]

# numpy transforms float32 several times faster so; the other norms multiply by a wider number.
FAST: Literal["ortho"] = "ortho"
SIZE, HOP = 1024, 256
BANDS = 32
LOWEST_HZ = 30.0
FRAMES_AT_ONCE = 256
SMOOTH_SECONDS, SWELL_SECONDS = 0.4, 0.064
AUDIBLE_SHARE = 0.02  # of the loudest frame; a pause has no brightness
BANDWIDTH_SIZE = 4096
BANDWIDTH_DB = -60.0  # below the loudest place of a spectrum raised by 6 dB an octave, as music falls
USUAL_RMS = 0.15  # quieter and louder sounds are heard as if they were as loud
ONSET_SHARE, ONSET_LEAST = 0.12, 5.0  # of the strongest onsets' height; summed over the bands' logarithms
ONSET_APART_SECONDS = 0.05


@dataclass(frozen=True)
class Spectra:
    """`onsets` tells how much each moment rises above those before it: ``frame / frames_per_second`` in seconds.

    `swells` tells the same of what comes slowly: strings and pads, whose beginnings the former does not see.
    """

    onsets: Samples
    swells: Samples
    frames_per_second: float
    brightness_hz: float | None
    bandwidth_hz: float | None


def spectra(mono: Samples, sample_rate_hz: int, tick: Tick) -> Spectra:
    """Return the measurements of the short spectra of float32 [T]."""
    edges = np.geomspace(LOWEST_HZ, sample_rate_hz / 2, BANDS + 1)
    bins = np.unique((edges * SIZE / sample_rate_hz).astype(int))
    bins = bins[bins < SIZE // 2]
    frequencies = np.fft.rfftfreq(SIZE, 1 / sample_rate_hz).astype(np.float32)
    gain = np.float32(100 * USUAL_RMS / max(1e-6, float(np.sqrt(np.mean(mono**2))) if mono.size else 1.0))
    bands, sums, centres = [], [], []
    for frames in magnitudes(mono, SIZE, HOP, tick):
        bands.append(np.log1p(gain * np.add.reduceat(frames, bins, axis=1)))
        sums.append(frames.sum(axis=1))
        centres.append(frames @ frequencies)
    rate = sample_rate_hz / HOP
    if not bands:
        return Spectra(np.zeros(0, np.float32), np.zeros(0, np.float32), rate, None, None)
    total, weighed = np.concatenate(sums), np.concatenate(centres)
    heard = total > max(float(total.max()) * AUDIBLE_SHARE, 1e-6)
    heights = np.concatenate(bands)
    return Spectra(
        onsets=_rises(np.diff(heights, axis=0, prepend=0), rate, SMOOTH_SECONDS),
        swells=_swells(heights, rate),
        frames_per_second=rate,
        brightness_hz=float((weighed[heard] / total[heard]).mean()) if heard.any() else None,
        bandwidth_hz=_bandwidth_hz(mono, sample_rate_hz, tick),
    )


def onset_count(onsets: Samples, frames_per_second: float) -> int:
    """Count the onsets: peaks that stand out and are 50 ms apart."""
    if onsets.size < 3 or not onsets.any():
        return 0
    apart = max(1, round(ONSET_APART_SECONDS * frames_per_second))
    strong = float(np.quantile(onsets[onsets > 0], 0.99))
    padded = np.pad(onsets, apart)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * apart + 1).max(axis=1)
    return int(((onsets == around) & (onsets > max(ONSET_LEAST, ONSET_SHARE * strong))).sum())


def magnitudes(mono: Samples, size: int, hop: int, tick: Tick) -> Iterator[NDArray[np.float32]]:
    """Spectra of windows centred on multiples of `hop`, some at a time."""
    window = (np.hanning(size) * math.sqrt(size)).astype(np.float32)
    count = -(-len(mono) // hop)
    at_once = max(8, FRAMES_AT_ONCE * 1024 // size)
    for first in range(0, count, at_once):
        frames = min(at_once, count - first)
        start, stop = first * hop - size // 2, (first + frames - 1) * hop + size // 2
        part = np.pad(mono[max(0, start) : stop], (max(0, -start), max(0, stop - len(mono))))
        windows = np.lib.stride_tricks.sliding_window_view(part, size)[::hop]
        yield np.abs(np.fft.rfft(windows * window, axis=1, norm=FAST)).astype(np.float32)
        tick()


def _swells(bands: Samples, frames_per_second: float) -> Samples:
    """Rises of the mean of 64 ms over the mean of the 64 ms before."""
    width = max(1, round(SWELL_SECONDS * frames_per_second))
    total = np.cumsum(np.pad(bands, ((2 * width, width), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
    mean = (total[width:] - total[:-width]) / width
    return _rises((mean[width:] - mean[:-width])[width // 2 :][: len(bands)], frames_per_second, 2 * SMOOTH_SECONDS)


def _rises(differences: NDArray[np.floating[Any]], frames_per_second: float, smooth_seconds: float) -> Samples:
    rise = np.maximum(0, differences).sum(axis=1)
    rise[0] = 0
    width = int(frames_per_second * smooth_seconds)
    local = np.convolve(rise, np.ones(width) / width, "same")[: len(rise)]
    onsets: Samples = np.maximum(0, rise - local).astype(np.float32)
    return onsets


def _bandwidth_hz(mono: Samples, sample_rate_hz: int, tick: Tick) -> float | None:
    window = np.blackman(BANDWIDTH_SIZE).astype(np.float32)
    power = np.zeros(BANDWIDTH_SIZE // 2 + 1)
    stretch = BANDWIDTH_SIZE * 32
    for start in range(0, len(mono), stretch):
        part = mono[start : start + stretch]
        # A window over the end would hear the cut: it is left out, where it is not the only one.
        count = max(1, len(part) // BANDWIDTH_SIZE) if start == 0 else len(part) // BANDWIDTH_SIZE
        part = np.pad(part, (0, max(0, count * BANDWIDTH_SIZE - len(part))))[: count * BANDWIDTH_SIZE]
        power += (np.abs(np.fft.rfft(part.reshape(-1, BANDWIDTH_SIZE) * window, axis=1, norm=FAST)) ** 2).sum(axis=0)
        tick()
    frequencies = np.fft.rfftfreq(BANDWIDTH_SIZE, 1 / sample_rate_hz)
    raised = power * np.maximum(frequencies, 100.0) ** 2
    if not raised.any():
        return None
    return float(frequencies[np.flatnonzero(raised > raised.max() * 10 ** (BANDWIDTH_DB / 10))[-1]])
