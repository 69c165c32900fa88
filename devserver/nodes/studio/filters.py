"""Equalising: bands as one filter of minimum phase, so that nothing rings before a sound and its length stays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Array = NDArray[np.float64]
Tick = Callable[[], None]
BandKind = Literal["low_cut", "high_cut", "low_shelf", "high_shelf", "bell", "tilt"]

FILTER_SECONDS = 0.16
TILT_HZ = 1000.0
TILT_FROM_HZ, TILT_TO_HZ = 30.0, 18_000.0


@dataclass(frozen=True)
class Band:
    """One part of an equaliser. Cuts fall 12 dB an octave; a tilt's `db` is per octave, around 1 kHz."""

    kind: BandKind
    hz: float = TILT_HZ
    db: float = 0.0
    q: float = 0.7


def equalise(sound: Samples, bands: Sequence[Band], sample_rate_hz: int, tick: Tick) -> Samples:
    """Filter float32 [C, T] with the bands; return the same array if there are none."""
    if not bands or not sound.shape[1]:
        return sound
    taps = 1 << math.ceil(math.log2(FILTER_SECONDS * sample_rate_hz))
    spectrum = np.asarray(np.fft.rfft(minimum_phase(bands, sample_rate_hz, taps), taps * 8), np.complex64)
    return convolve(sound, spectrum, taps, tick)


def convolve(sound: Samples, spectrum: NDArray[np.complex64], taps: int, tick: Tick) -> Samples:
    """Filter float32 [C, T] with a filter of at most `taps` taps, given by its transform; cut at the sound's end."""
    size = 2 * (len(spectrum) - 1)
    frame = size - taps
    out = np.empty_like(sound, np.float32)
    for start in range(0, sound.shape[1], frame):
        part = sound[:, max(0, start - taps) : start + frame]
        before = max(0, taps - start)
        part = np.pad(part, ((0, 0), (before, size - before - part.shape[1])))
        heard = np.fft.irfft(np.fft.rfft(part, norm="ortho") * spectrum, size, norm="ortho")[:, taps:]
        out[:, start : start + frame] = heard[:, : sound.shape[1] - start]
        tick()
    return out


def gain_db(bands: Sequence[Band], frequencies_hz: Array) -> Array:
    """Return the gain in dB of all bands together at each frequency."""
    total = np.zeros(len(frequencies_hz))
    for band in bands:
        total += _band_db(band, np.maximum(frequencies_hz, 1.0))
    return total


def minimum_phase(bands: Sequence[Band], sample_rate_hz: int, taps: int) -> Array:
    """Return the impulse response of the bands, float64 [taps]."""
    size = taps * 4
    frequencies = np.asarray(np.fft.rfftfreq(size, 1 / sample_rate_hz), np.float64)
    cepstrum = np.fft.irfft(np.maximum(gain_db(bands, frequencies), -120) * math.log(10) / 20, size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)[:taps]
    response[-taps // 8 :] *= np.linspace(1, 0, taps // 8)
    return np.asarray(response)


def _band_db(band: Band, hz: Array) -> Array:
    if band.kind == "tilt":
        return np.asarray(band.db * np.log2(np.clip(hz, TILT_FROM_HZ, TILT_TO_HZ) / TILT_HZ))
    way = hz / band.hz
    root = 10 ** (band.db / 40)
    if band.kind == "low_cut":
        power = way**4 / (1 + way**4)
    elif band.kind == "high_cut":
        power = 1 / (1 + way**4)
    elif band.kind == "low_shelf":
        power = (way**2 + root**2) / (way**2 + 1 / root**2)
    elif band.kind == "high_shelf":
        power = root**4 * (way**2 + 1 / root**2) / (way**2 + root**2)
    else:
        around = (1 - way**2) ** 2
        power = (around + (way * root / band.q) ** 2) / (around + (way / (root * band.q)) ** 2)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))
