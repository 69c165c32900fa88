"""Measures finished music from its samples alone: tempo, key, levels, clipping, silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dsp import Array
from .loudness import loudness_lufs
from .theory import Key, Mode

Tick = Callable[[], None]
Sound = NDArray[np.floating[Any]]

FULL_SCALE = 0.999
FLAT_TOP_SAMPLES = (
    4  # so many equal samples in a row at a level no other sample passes: a clipped peak, turned down later
)
SILENCE_RMS = 1e-3
SILENCE_BLOCK_SECONDS = 0.01
BLOCKS_AT_ONCE = 400
SAMPLES_AT_ONCE = 1 << 18
FRAMES_AT_ONCE = 256
SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0
# How well each pitch class fits a key, from its tonic upwards (C. Krumhansl, Cognitive Foundations of Musical Pitch).
PROFILES: dict[Mode, tuple[float, ...]] = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# A peak may be a harmonic: it also speaks for the note a twelfth and for the note two octaves and a third below it.
HARMONICS = ((0, 1.0), (7, 0.4), (4, 0.2))


@dataclass(frozen=True)
class Analysis:
    """Measurements of one clip. None where the clip is silent or too short to tell; confidences run from 0 to 1.

    Tempo is known up to a factor of two, hence `bpm_half` and `bpm_double`; a key up to its relative.
    `clipped_samples` counts samples at full scale and those of flat peaks below it.
    """

    bpm: float | None
    bpm_half: float | None
    bpm_double: float | None
    bpm_confidence: float
    key: str | None
    key_relative: str | None
    key_confidence: float
    peak_dbfs: float | None
    rms_dbfs: float | None
    loudness_lufs: float | None
    clipped_samples: int
    silence_seconds: float
    dc_offset: float
    seconds: float
    channels: int
    sample_rate_hz: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def analyse(audio: Sound, sample_rate_hz: int, tick: Tick) -> Analysis:
    """The measurements of float [C, T] audio, which is not written to."""
    channels, length = audio.shape
    levels = _levels(audio, sample_rate_hz, tick)
    mono, peak = levels.mono, levels.peak
    audible = peak > SILENCE_RMS
    bpm, bpm_confidence = tempo(mono, sample_rate_hz, tick) if audible else (None, 0.0)
    key, key_confidence = find_key(mono, sample_rate_hz, tick) if audible else (None, 0.0)
    return Analysis(
        bpm=_rounded(bpm),
        bpm_half=_rounded(bpm and bpm / 2),
        bpm_double=_rounded(bpm and bpm * 2),
        bpm_confidence=round(bpm_confidence, 3),
        key=key.name if key else None,
        key_relative=key.relative.name if key else None,
        key_confidence=round(key_confidence, 3),
        peak_dbfs=_decibels(peak),
        rms_dbfs=_decibels(levels.rms),
        loudness_lufs=round(loudness_lufs(audio, sample_rate_hz, tick), 2) if audible else None,
        clipped_samples=clipped_samples(audio, peak, tick),
        silence_seconds=round(levels.silence_seconds, 3),
        dc_offset=round(levels.dc_offset, 6),
        seconds=round(length / sample_rate_hz, 6),
        channels=channels,
        sample_rate_hz=sample_rate_hz,
    )


def tempo(mono: Array, sample_rate_hz: int, tick: Tick) -> tuple[float | None, float]:
    """The tempo in bpm (60 to 200) by autocorrelation of onsets, and how periodic they are; None below about 2 s."""
    onsets, frames_per_second = onset_strength(mono, sample_rate_hz, tick)
    if len(onsets) < 2 * frames_per_second or not onsets.any():
        return None, 0.0
    size = 1 << (2 * len(onsets) - 1).bit_length()
    raw = np.fft.irfft(np.abs(np.fft.rfft(onsets, size)) ** 2)[: len(onsets)]
    correlation = raw / np.arange(len(onsets), 0, -1)
    correlation[int(len(correlation) * 0.9) :] = 0  # too few frames overlap there

    def at(lag: Array) -> Array:
        return np.interp(lag, np.arange(len(correlation)), correlation, right=0.0)

    candidates = np.arange(SLOWEST_BPM, FASTEST_BPM, 0.1)
    beat = 60 * frames_per_second / candidates
    score = sum(
        (weight * at(beat * beats) for beats, weight in ((0.5, 0.4), (1, 1), (2, 0.8), (3, 0.35), (4, 0.8), (8, 0.5)))
    )
    score = np.asarray(score) * np.exp(-0.5 * (np.log2(candidates / 118) / 0.9) ** 2)  # middling tempos are likelier
    coarse = candidates[int(np.argmax(score))]
    for beats in (4, 16):  # a longer lag tells the tempo more exactly
        fine = np.arange(coarse * (1 - 0.06 / beats), coarse * (1 + 0.06 / beats), 0.005)
        lag = 60 * frames_per_second / fine * beats
        if lag.max() < len(correlation) * 0.85:
            coarse = fine[int(np.argmax(at(lag)))]
    periodic = float(at(np.array([60 * frames_per_second / coarse * 4]))[0] / max(correlation[0], 1e-12))
    return float(coarse), min(1.0, max(0.0, periodic))


def onset_strength(mono: Array, sample_rate_hz: int, tick: Tick) -> tuple[Array, float]:
    """How much each moment rises above the one before, summed over bands, and its frames per second (about 190).

    A frame's value belongs to the moment ``frame / frames_per_second`` in seconds.
    """
    size, hop = 1024, 256
    edges = np.geomspace(30, sample_rate_hz / 2, 33)
    bins = np.unique((edges * size / sample_rate_hz).astype(int))
    bins = bins[bins < size // 2]
    bands = [np.log1p(100 * np.add.reduceat(frames, bins, axis=1)) for frames in _magnitudes(mono, size, hop, tick)]
    if not bands:
        return np.zeros(0), sample_rate_hz / hop
    rise = np.maximum(0, np.diff(np.concatenate(bands), axis=0, prepend=0)).sum(axis=1)
    rise[0] = 0
    width = int(sample_rate_hz / hop * 0.4)
    local = np.convolve(rise, np.ones(width) / width, "same")
    return np.maximum(0, rise - local), sample_rate_hz / hop


def find_key(mono: Array, sample_rate_hz: int, tick: Tick) -> tuple[Key | None, float]:
    """The best fitting key and how far it leads the best one that is not its relative (0 to 1)."""
    classes = chroma(mono, sample_rate_hz, tick)
    if not classes.any():
        return None, 0.0
    fits = sorted(
        (
            (float(np.corrcoef(np.roll(profile, tonic), classes)[0, 1]), tonic, mode)
            for mode, profile in PROFILES.items()
            for tonic in range(12)
        ),
        reverse=True,
    )
    best = Key(fits[0][1], fits[0][2])
    rival = next(fit for fit, tonic, mode in fits[1:] if Key(tonic, mode) != best.relative)
    return best, min(1.0, max(0.0, (fits[0][0] - rival) * 3))


def chroma(mono: Array, sample_rate_hz: int, tick: Tick) -> Array:
    """The weight of each pitch class, from the tonal peaks of the spectrum between 60 Hz and 2.5 kHz."""
    size = 1 << round(np.log2(0.17 * sample_rate_hz))
    classes = np.zeros(12)
    for frames in _magnitudes(mono, size, size // 2, tick):
        near = frames[:, : int(2600 * size / sample_rate_hz)]
        loudest = frames.max(axis=1, keepdims=True)
        is_peak = (
            (near[:, 1:-1] > near[:, :-2]) & (near[:, 1:-1] > near[:, 2:]) & (near[:, 1:-1] > loudest * 0.01 + 1e-6)
        )
        frame, place = np.nonzero(is_peak)
        before, at, after = (np.log(near[frame, place + offset] + 1e-9) for offset in range(3))
        shift = 0.5 * (before - after) / (before - 2 * at + after - 1e-9)
        frequency = (place + 1 + np.clip(shift, -0.5, 0.5)) * sample_rate_hz / size
        pitch = 69 + 12 * np.log2(frequency / 440)
        tuned = (np.abs(pitch - np.round(pitch)) < 0.3) & (frequency > 60) & (frequency < 2500)
        weight = np.sqrt(near[frame, place + 1] / loudest[frame, 0])[tuned]
        for interval, share in HARMONICS:
            classes += np.bincount((np.round(pitch[tuned]).astype(int) - interval) % 12, weight * share, minlength=12)
    return classes


def clipped_samples(audio: Sound, peak: float, tick: Tick) -> int:
    """Samples at full scale, or in flat runs at the clip's own peak."""
    if peak <= SILENCE_RMS:
        return 0
    threshold = FULL_SCALE if peak >= FULL_SCALE else peak * (1 - 1e-6)
    count = 0
    for channel in audio:
        found = []
        for start in range(0, len(channel), SAMPLES_AT_ONCE):
            found.append(start + np.flatnonzero(np.abs(channel[start : start + SAMPLES_AT_ONCE]) >= threshold))
            tick()
        at = np.concatenate(found)
        runs = np.diff(np.flatnonzero(np.diff(at, prepend=-2, append=at[-1] + 2 if at.size else 0) > 1))
        count += int(runs.sum() if peak >= FULL_SCALE else runs[runs >= FLAT_TOP_SAMPLES].sum())
    return count


@dataclass(frozen=True)
class _Levels:
    mono: Array
    peak: float
    rms: float
    dc_offset: float
    silence_seconds: float


def _levels(audio: Sound, sample_rate_hz: int, tick: Tick) -> _Levels:
    """What can be told in one pass over the samples, some seconds at a time."""
    channels, length = audio.shape
    block = max(1, round(SILENCE_BLOCK_SECONDS * sample_rate_hz))
    mono = np.zeros(length)
    peak, power, silent, offset = 0.0, 0.0, 0, np.zeros(channels)
    for start in range(0, length, block * BLOCKS_AT_ONCE):
        part = audio[:, start : start + block * BLOCKS_AT_ONCE].astype(np.float64)
        mono[start : start + part.shape[1]] = part.mean(axis=0)
        peak = max(peak, float(np.abs(part).max()))
        power += float((part**2).sum())
        offset += part.sum(axis=1)
        blocks = part[:, : part.shape[1] // block * block].reshape(channels, -1, block)
        silent += int((np.sqrt((blocks**2).mean(axis=2)).max(axis=0) < SILENCE_RMS).sum())
        tick()
    count = max(1, length)
    return _Levels(
        mono=mono,
        peak=peak,
        rms=float(np.sqrt(power / (count * channels))),
        dc_offset=float(np.abs(offset / count).max()),
        silence_seconds=silent * block / sample_rate_hz,
    )


def _magnitudes(mono: Array, size: int, hop: int, tick: Tick) -> Iterator[Array]:
    """Spectra of windows centred on multiples of `hop`, some at a time."""
    window = np.hanning(size)
    count = -(-len(mono) // hop)
    at_once = max(8, FRAMES_AT_ONCE * 1024 // size)
    for first in range(0, count, at_once):
        frames = min(at_once, count - first)
        start, stop = first * hop - size // 2, (first + frames - 1) * hop + size // 2
        part = np.pad(mono[max(0, start) : stop], (max(0, -start), max(0, stop - len(mono))))
        windows = np.lib.stride_tricks.sliding_window_view(part, size)[::hop]
        yield np.abs(np.fft.rfft(windows * window, axis=1))
        tick()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _decibels(level: float) -> float | None:
    return round(20 * float(np.log10(level)), 2) if level > 0 else None
