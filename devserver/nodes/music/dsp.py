"""Signals in plain numpy: band-limited oscillators, envelopes, filters by spectrum. Float32, 48 kHz.

A phase is a whole number of 32 bits, one turn in all, so it stays exact however long a tone lasts and can be had for
any stretch of it. Oscillators read one cycle from a table whose harmonics stop below the Nyquist frequency, with a
low-pass already in the table; so nothing aliases, and no recursive filter (and no scipy, seconds to import) is needed.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]  # float32 in practice; numpy types many of its answers no closer
Samples = NDArray[np.float32]
Phase = NDArray[np.uint32]
Spectrum = NDArray[np.complex64]
Shape = Literal["saw", "square", "triangle", "sine"]

SAMPLE_RATE_HZ = 48_000
TOP_HZ = 20_000.0
TURN = 1 << 32
TABLE_BITS = 11
TABLE_SIZE = 1 << TABLE_BITS
BETWEEN = np.uint32((1 << (32 - TABLE_BITS)) - 1)
HISS_LENGTH = 1 << 18


def frequency_hz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)


@lru_cache(maxsize=256)
def cycle(shape: Shape, fundamental_hz: float, cutoff_hz: float = TOP_HZ, order: int = 2) -> Samples:
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
    return harmonics(amplitudes / np.sqrt(1 + (k * fundamental_hz / cutoff_hz) ** (2 * order)))


def harmonics(levels: NDArray[np.float64]) -> Samples:
    """One cycle of the sum of sines of these levels, the first of one turn; one sample longer, read-only."""
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, np.complex128)
    spectrum[1 : len(levels) + 1] = -0.5j * TABLE_SIZE * levels
    wave = np.fft.irfft(spectrum, TABLE_SIZE)
    table = np.append(wave, wave[0]).astype(np.float32)
    table.flags.writeable = False
    return table


def phase_of(frequency: float, start: int, stop: int, at_zero: float = 0.0, late: Array | None = None) -> Phase:
    """Return the phase of a tone from sample `start` to `stop`; `at_zero` in turns, `late` in samples for each."""
    step = round(frequency / SAMPLE_RATE_HZ * TURN)
    first = (round(at_zero * TURN) + start * step) % TURN
    phase: Phase = np.arange(stop - start, dtype=np.uint32) * np.uint32(step) + np.uint32(first)
    if late is not None:
        phase += (late * np.float32(step)).astype(np.int64).astype(np.uint32)
    return phase


def read_tables(phase: Phase, *tables: Samples) -> list[Samples]:
    """Return each table read at the same phases, interpolated."""
    index = (phase >> np.uint32(32 - TABLE_BITS)).astype(np.intp)
    between = (phase & BETWEEN).view(np.int32).astype(np.float32)
    between *= np.float32(2.0 ** (TABLE_BITS - 32))
    waves = []
    for table in tables:
        wave = np.diff(table).take(index, mode="clip")
        wave *= between
        wave += table.take(index, mode="clip")
        waves.append(wave)
    return waves


def radians(phase: Phase) -> Samples:
    """From -pi to pi."""
    angle: Samples = phase.view(np.int32).astype(np.float32)
    angle *= np.float32(2 * math.pi / TURN)
    return angle


def sine(frequency: float | Array, length: int, at_zero: float = 0.0) -> Samples:
    """Return a sine of a constant frequency, or of one for each sample."""
    if isinstance(frequency, np.ndarray):
        turns = at_zero + np.cumsum(frequency, dtype=np.float64) / SAMPLE_RATE_HZ
        return np.sin((2 * math.pi * (turns - np.floor(turns))).astype(np.float32))
    return np.sin(radians(phase_of(frequency, 0, length, at_zero)))


def ticks(start: int, stop: int) -> Samples:
    """Return the numbers of the samples from `start` to `stop`."""
    return np.arange(start, stop, dtype=np.float32)


def exponential_decay(start: int, stop: int, seconds: float) -> Samples:
    """From `start` to `stop` of what falls from 1 by 60 dB in the given time."""
    falling: Samples = np.exp(ticks(start, stop) * np.float32(-6.908 / (seconds * SAMPLE_RATE_HZ)))
    return falling


def decay(length: int, seconds: float) -> Samples:
    """Falls from 1 by 60 dB in the given time."""
    return exponential_decay(0, length, seconds)


def ramp(start: float, end: float, length: int) -> Samples:
    return np.linspace(start, end, length, dtype=np.float32)


@lru_cache(maxsize=64)
def onset(start: int, stop: int, attack: float, decay_time: float, sustain: float) -> Samples:
    """From sample `start` to `stop` of a note's attack, decay and sustain; times in seconds."""
    rise = max(1, samples(attack))
    out = np.full(stop - start, sustain, np.float32)
    out += np.float32(1 - sustain) * exponential_decay(start - rise, stop - rise, max(decay_time, 0.001) * 2)
    if start < rise:
        end = min(stop, rise)
        out[: end - start] = np.sin(ticks(start, end) * np.float32(math.pi / 2 / rise)) ** 2
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def release_curve(seconds: float) -> Samples:
    """Return the fade of a released note: to zero in the given time."""
    length = max(1, samples(seconds))
    out: Samples = decay(length, seconds) * ramp(1, 0, length)
    out.flags.writeable = False
    return out


@lru_cache(maxsize=64)
def vibrato(start: int, stop: int, rate_hz: float, after: float, growing: float) -> Samples:
    """Return the delay, in samples, of a tone with vibrato of its whole frequency; times in seconds."""
    w = 2 * math.pi * rate_hz
    time = ticks(start, stop) / SAMPLE_RATE_HZ
    since = np.clip(time - after, 0, growing)
    moved = np.maximum(time, after)
    angle = moved * np.float32(w)
    grown = (np.sin(w * (after + since)) - math.sin(w * after)) / w - since * np.cos(w * (after + since))
    out = grown / (w * growing) + np.where(
        time > after + growing, (math.cos(w * (after + growing)) - np.cos(angle)) / w, 0
    )
    late: Samples = (out * SAMPLE_RATE_HZ).astype(np.float32)
    late.flags.writeable = False
    return late


def spectrum(sound: Array, size: int) -> Spectrum:
    """Return the transform of real float32 sound, padded to `size`; ``from_spectrum`` undoes it."""
    # Without a factor to divide by numpy leaves float32 for a wider type, five times as slow.
    return np.asarray(np.fft.rfft(np.asarray(sound, np.float32), size, norm="ortho"), np.complex64)


def from_spectrum(transform: Spectrum, size: int) -> Samples:
    return np.asarray(np.fft.irfft(transform, size, norm="ortho"), np.float32)


def response(impulse: Samples, size: int) -> Spectrum:
    """Return the factor for a ``spectrum`` that convolves its sound with an impulse response."""
    return spectrum(impulse, size) * np.float32(math.sqrt(size))


def filter_band(signal: Array, low_hz: float = 0.0, high_hz: float = TOP_HZ * 2, order: int = 2) -> Samples:
    """Return the signal between two corner frequencies, without shift in phase (last axis)."""
    length = signal.shape[-1]
    size = fast_length(length + samples(0.02))
    gain = _gain(size, low_hz, high_hz, order)
    return from_spectrum(spectrum(signal, size) * gain, size)[..., :length]


@lru_cache(maxsize=48)
def _gain(size: int, low_hz: float, high_hz: float, order: int) -> Samples:
    frequencies = np.fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ)
    return np.asarray(band_gain(frequencies, low_hz, high_hz, order), np.float32)


def band_gain(frequencies_hz: Array, low_hz: float, high_hz: float, order: int = 2) -> Array:
    """Return the magnitude of a Butterworth high-pass at `low_hz` and low-pass at `high_hz`."""
    gain: Array = 1 / np.sqrt(1 + (frequencies_hz / high_hz) ** (2 * order))
    if low_hz > 0:
        ratio = (frequencies_hz / low_hz) ** (2 * order)
        gain = gain * np.sqrt(ratio / (1 + ratio))
    return gain


@lru_cache(maxsize=1)
def _hiss() -> Samples:
    return np.random.default_rng(1).standard_normal(HISS_LENGTH, np.float32)


def hiss(rng: np.random.Generator, length: int) -> Samples:
    """White noise: a stretch, drawn by `rng`, of noise that repeats after 5 s (drawing each sample takes long)."""
    first = int(rng.integers(HISS_LENGTH))
    return np.take(_hiss(), np.arange(first, first + length), mode="wrap")


def noise(
    rng: np.random.Generator, length: int, low_hz: float = 0.0, high_hz: float = TOP_HZ, order: int = 2
) -> Samples:
    """White noise between two corner frequencies."""
    return filter_band(hiss(rng, length), low_hz, high_hz, order)


@lru_cache(maxsize=24)
def noise_loop(low_hz: float, high_hz: float, bits: int = 16) -> Samples:
    """Noise between two corner frequencies that repeats after 2**bits samples without a seam."""
    size = 1 << bits
    loop = from_spectrum(spectrum(_hiss()[:size], size) * _gain(size, low_hz, high_hz, 2), size)
    loop.flags.writeable = False
    return loop


def loop_slice(loop: Samples, start: int, stop: int) -> Samples:
    """From `start` to `stop` of what repeats."""
    return np.take(loop, np.arange(start, stop), mode="wrap")


def fast_length(length: int) -> int:
    """Return the next size of the form 2**a, 3 * 2**a or 5 * 2**a, which transforms fast."""
    power = 1 << max(0, (length - 1).bit_length())
    return min((size for size in (power * 5 // 8, power * 3 // 4, power) if size >= length), default=power)
