"""Loudness as ITU-R BS.1770 weighs it, estimated from power spectra, and a peak limiter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .dsp import Array

BLOCK_SECONDS = 0.4
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
SILENCE_LUFS = -120.0

LIMITER_STEP = 32  # samples of one value of the limiter's gain
LOOKAHEAD_STEPS = 8  # about 5 ms at 48 kHz
RELEASE_SECONDS = 0.08

Tick = Callable[[], None]


def loudness_lufs(audio: Array, sample_rate_hz: int, tick: Tick) -> float:
    """The gated loudness of [C, T]; close to a standard meter, whose blocks overlap. -120 where all is silent."""
    return gated_lufs(block_powers(audio, sample_rate_hz, tick))


def block_powers(audio: Array, sample_rate_hz: int, tick: Tick, every: int = 1) -> Array:
    """The weighed power of each (or of every so many) 0.4 s of [C, T], the channels' sum."""
    size = round(BLOCK_SECONDS * sample_rate_hz)
    if audio.shape[1] < size:
        audio = np.pad(audio, ((0, 0), (0, size - audio.shape[1])))
    weights = _k_weighting(np.fft.rfftfreq(size, 1 / sample_rate_hz)) * (2.0 / size**2)
    powers = []
    for start in range(0, audio.shape[1] - size + 1, size * every):
        block = audio[:, start : start + size]
        if block.any():
            spectrum = np.fft.rfft(block)
            powers.append(float(((spectrum.real**2 + spectrum.imag**2) * weights).sum()))
        else:
            powers.append(0.0)
        tick()
    return np.array(powers)


def gated_lufs(powers: Array) -> float:
    """The loudness of blocks of power, without pauses."""
    kept = powers[_lufs(powers) > ABSOLUTE_GATE_LUFS]
    if not kept.size:
        return SILENCE_LUFS
    kept = kept[_lufs(kept) > _lufs(kept.mean()) + RELATIVE_GATE_LU]
    return float(_lufs(kept.mean()))


def limiter_gain(audio: Array, gain: float, ceiling: float, sample_rate_hz: int, tick: Tick) -> Array:
    """A gain per `LIMITER_STEP` samples (and one more) under which ``audio * gain`` stays below the ceiling.

    Interpolated linearly it looks about 5 ms ahead, so it turns down smoothly before a peak and recovers after it.
    """
    return limiter_curve(step_levels(audio, tick)[0], gain, ceiling, sample_rate_hz, tick)


def step_levels(audio: Array, tick: Tick) -> tuple[Array, Array]:
    """The peak of each `LIMITER_STEP` samples of [C, T], and about their energy."""
    count = -(-audio.shape[1] // LIMITER_STEP)
    peaks, energies = np.zeros(count), np.zeros(count)
    stretch = LIMITER_STEP * 8192
    for start in range(0, audio.shape[1], stretch):
        part = audio[:, start : start + stretch]
        part = np.pad(part, ((0, 0), (0, -part.shape[1] % LIMITER_STEP)))
        steps = slice(start // LIMITER_STEP, start // LIMITER_STEP + part.shape[1] // LIMITER_STEP)
        by_step = np.abs(part).max(axis=0).reshape(-1, LIMITER_STEP)
        peaks[steps] = by_step.max(axis=1)
        energies[steps] = (by_step**2).sum(axis=1)
        tick()
    return peaks, energies


def blocks_gain(curve: Array, energies: Array, blocks: int, sample_rate_hz: int) -> Array:
    """How a gain curve changes the power of each 0.4 s, an estimate from the energy of its steps."""
    if len(energies) * LIMITER_STEP < round(BLOCK_SECONDS * sample_rate_hz):
        edges = np.array([0])
    else:
        edges = (np.arange(blocks) * round(BLOCK_SECONDS * sample_rate_hz)) // LIMITER_STEP
    before = np.add.reduceat(energies, edges)
    after = np.add.reduceat(energies * curve[: len(energies)] ** 2, edges)
    return np.asarray(after / np.maximum(before, 1e-12))


def limiter_curve(peaks: Array, gain: float, ceiling: float, sample_rate_hz: int, tick: Tick) -> Array:
    """The gains of ``limiter_gain`` from the peaks of each `LIMITER_STEP` samples."""
    needed = np.minimum(1.0, ceiling / np.maximum(peaks * gain, 1e-9))
    held = _least_around(needed, LOOKAHEAD_STEPS + 1)
    recovery = 1 - math.exp(-LIMITER_STEP / (RELEASE_SECONDS * sample_rate_hz))
    followed = _release(held, recovery, tick)
    width = 2 * LOOKAHEAD_STEPS + 1
    padded = np.pad(followed, LOOKAHEAD_STEPS, mode="edge")
    total = np.concatenate(([0.0], np.cumsum(padded)))
    smooth = (total[width:] - total[:-width]) / width
    return np.append(smooth, smooth[-1]) * gain


def _release(held: Array, recovery: float, tick: Tick) -> Array:
    level, out = 1.0, []
    for index, value in enumerate(held.tolist()):
        level = min(value, level + (1.0 - level) * recovery)
        out.append(level)
        if index % 8192 == 0:
            tick()
    return np.array(out)


def _least_around(values: Array, reach: int) -> Array:
    """The least of the values up to `reach` places away on both sides."""
    padded = np.pad(values, reach, mode="edge")
    width, have = 2 * reach + 1, 1
    while have < width:
        step = min(have, width - have)
        padded = np.minimum(padded[:-step], padded[step:])
        have += step
    return padded


def _k_weighting(frequencies_hz: Array) -> Array:
    """The squared magnitude of BS.1770's two filters: a shelf of +4 dB above 1.7 kHz and a high-pass at 38 Hz."""
    # The published analogue prototypes behind the 48 kHz coefficients, so that any sample rate can be weighed.
    s = 1j * frequencies_hz
    shelf_hz, shelf_q, gain = 1681.974, 0.70718, 10 ** (3.99984 / 20)
    shelf = (gain * s**2 + gain**0.4996667 * shelf_hz / shelf_q * s + shelf_hz**2) / (
        s**2 + shelf_hz / shelf_q * s + shelf_hz**2
    )
    cut_hz, cut_q = 38.13547, 0.5003270
    cut = s**2 / (s**2 + cut_hz / cut_q * s + cut_hz**2)
    return np.asarray(np.abs(shelf * cut) ** 2, np.float64)


def _lufs(power: Array | float) -> Array:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)))
