"""Signals in plain numpy: band-limited oscillators, envelopes, filters by spectrum. Float64, 48 kHz.

Oscillators read one cycle from a table whose harmonics stop below the Nyquist frequency, with a low-pass already in the
table; so nothing aliases, and no recursive filter (and no scipy, seconds to import) is needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]  # float64 in practice; numpy types many of its answers no closer
Shape = Literal["saw", "square", "triangle", "sine"]

SAMPLE_RATE_HZ = 48_000
TABLE_SIZE = 2048
TOP_HZ = 20_000.0


def frequency_hz(pitch: float) -> float:
    """The frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


@lru_cache(maxsize=512)
def cycle(shape: Shape, fundamental_hz: float, cutoff_hz: float = TOP_HZ, order: int = 2) -> Array:
    """One cycle of a wave with a low-pass of the given order at `cutoff_hz`; one sample longer, to interpolate."""
    count = max(1, min(TABLE_SIZE // 2 - 1, int(TOP_HZ / fundamental_hz)))
    k = np.arange(1, count + 1, dtype=np.float64)
    odd = k % 2
    amplitudes = {
        "saw": 2 / (math.pi * k),
        "square": odd * 4 / (math.pi * k),
        "triangle": odd * 8 / (math.pi * k) ** 2,
        "sine": (k == 1).astype(np.float64),
    }[shape]
    amplitudes = amplitudes / np.sqrt(1 + (k * fundamental_hz / cutoff_hz) ** (2 * order))
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, np.complex128)
    spectrum[1 : count + 1] = -0.5j * TABLE_SIZE * amplitudes
    wave = np.fft.irfft(spectrum, TABLE_SIZE)
    table = np.append(wave, wave[0])
    table.flags.writeable = False
    return table


def phase(frequency: float | Array, length: int, start: float = 0.0) -> Array:
    """The running phase in cycles for a constant frequency or one per sample."""
    if isinstance(frequency, np.ndarray):
        return start + np.cumsum(frequency) / SAMPLE_RATE_HZ
    return start + np.arange(length) * (frequency / SAMPLE_RATE_HZ)


def read_tables(cycles: Array, *tables: Array) -> list[Array]:
    """Each table read at the same phases, interpolated."""
    place = (cycles - np.floor(cycles)) * TABLE_SIZE
    index = place.astype(np.intp)
    between = place - index
    return [table[index] * (1 - between) + table[index + 1] * between for table in tables]


def sine(frequency: float | Array, length: int, start: float = 0.0) -> Array:
    wave: Array = np.sin(2 * math.pi * phase(frequency, length, start))
    return wave


def decay(length: int, seconds: float) -> Array:
    """Falls from 1 by 60 dB in the given time."""
    falling: Array = np.exp(np.arange(length) * (-6.908 / (seconds * SAMPLE_RATE_HZ)))
    return falling


def envelope(held: int, attack: float, decay_time: float, sustain: float, release: float) -> Array:
    """Attack, decay, sustain, release in seconds and share; as long as the note plus its release, ending at zero."""
    rise = max(1, min(samples(attack), held))
    fall = sustain + (1 - sustain) * decay(held - rise, max(decay_time, 0.001) * 2) if held > rise else np.ones(0)
    start = np.concatenate((np.sin(np.linspace(0, math.pi / 2, rise)) ** 2, fall))
    tail = max(1, samples(release))
    end = start[-1] * decay(tail, release) * np.linspace(1, 0, tail)
    return np.concatenate((start, end))


def filtered(signal: Array, low_hz: float = 0.0, high_hz: float = TOP_HZ * 2, order: int = 2) -> Array:
    """The signal between two corner frequencies, without shift in phase (last axis)."""
    length = signal.shape[-1]
    size = fast_length(length + samples(0.02))
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    return np.fft.irfft(np.fft.rfft(signal, size) * band_gain(frequencies, low_hz, high_hz, order), size)[..., :length]


def band_gain(frequencies_hz: Array, low_hz: float, high_hz: float, order: int = 2) -> Array:
    """The magnitude of a Butterworth high-pass at `low_hz` and low-pass at `high_hz`."""
    gain: Array = 1 / np.sqrt(1 + (frequencies_hz / high_hz) ** (2 * order))
    if low_hz > 0:
        ratio = (frequencies_hz / low_hz) ** (2 * order)
        gain = gain * np.sqrt(ratio / (1 + ratio))
    return gain


def noise(rng: np.random.Generator, length: int, low_hz: float = 0.0, high_hz: float = TOP_HZ, order: int = 2) -> Array:
    """White noise between two corner frequencies."""
    return filtered(rng.standard_normal(length), low_hz, high_hz, order)


def fast_length(length: int) -> int:
    """The next size of the form 2**a, 3 * 2**a or 5 * 2**a, which transforms fast."""
    power = 1 << max(0, (length - 1).bit_length())
    return min((size for size in (power * 5 // 8, power * 3 // 4, power) if size >= length), default=power)


SWEEP_FRAME = 4096
SWEEP_EDGE_SECONDS = 0.01


def swept(sound: NDArray[np.float32], from_hz: float, to_hz: float, tick: Callable[[], None]) -> NDArray[np.float32]:
    """[C, n] through a low-pass that moves from one corner frequency to the other, evenly in octaves.

    At both ends it is faded into the sound as it was.
    """
    channels, length = sound.shape
    hop = SWEEP_FRAME // 2
    window = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(SWEEP_FRAME) / SWEEP_FRAME)  # two halves add up to one
    frequencies = np.fft.rfftfreq(2 * SWEEP_FRAME, 1 / SAMPLE_RATE_HZ)
    padded = np.pad(sound, ((0, 0), (hop, 2 * SWEEP_FRAME)))
    out = np.zeros((channels, padded.shape[1] + 2 * SWEEP_FRAME), np.float32)
    margin = SWEEP_FRAME // 2  # a zero-phase filter also rings before a sound
    for start in range(0, length + hop, hop):
        corner = from_hz * (to_hz / from_hz) ** min(1.0, start / max(1, length))
        frame = np.pad(padded[:, start : start + SWEEP_FRAME] * window, ((0, 0), (margin, margin)))
        heard = np.fft.irfft(np.fft.rfft(frame) * band_gain(frequencies, 0, corner), 2 * SWEEP_FRAME)
        out[:, start : start + 2 * SWEEP_FRAME] += heard.astype(np.float32)
        tick()
    wet = out[:, margin + hop : margin + hop + length]
    edge = min(samples(SWEEP_EDGE_SECONDS), length // 2)
    share = np.ones(length, np.float32)
    if edge:
        share[:edge] = np.linspace(0, 1, edge)
        share[-edge:] = np.linspace(1, 0, edge)
    return np.asarray(sound + share * (wet - sound), np.float32)
