"""One pass over the samples: power, offset, stereo picture, silence, holes, flat tops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Array = NDArray[np.floating[Any]]
Tick = Callable[[], None]

SILENCE_RMS = 1e-3
SILENCE_BLOCK_MS = 10
CHUNK_MS = 4000
STRETCH = 1 << 20

FULL_SCALE = 0.9999  # 16 bits end at 32767 / 32768
FLAT_TOP_SAMPLES = 3
FLAT_TOP_STEP = 1e-4  # a natural top that fell on one value of 16 bits is entered by a step of 1 / 32768

HOLE_LEVEL = 1e-4  # of full scale
HOLE_SHARE, HOLE_MEDIAN_SHARE = 0.08, 0.01  # of the sound on both sides: at most, and half of the time
HOLE_MS = (2, 1000)  # whole milliseconds inside
EDGE_LEVEL = 0.005
FADE_SHARE = 0.25  # a sound that fades before it pauses is quieter than that at its end
EDGE_MS, AROUND_MS = 20, 60


@dataclass(frozen=True)
class Levels:
    """`mono` is the mean of the channels; `silent` tells each block of 10 ms, `envelope` the peak of each ms."""

    mono: Samples
    peak: float
    rms: float
    dc_offset: float
    width: float
    correlation: float
    silent: NDArray[np.bool_]
    envelope: Samples
    block_seconds: float

    @property
    def is_mono(self) -> bool:
        return self.width < 1e-6 and self.correlation >= 0


@dataclass(frozen=True)
class Silence:
    seconds: float
    lead_seconds: float
    tail_seconds: float
    longest_gap_seconds: float


def levels(audio: Samples, sample_rate_hz: int, tick: Tick) -> Levels:
    """Return the levels of float32 [C, T], C 1 or 2."""
    channels, length = audio.shape
    millisecond = max(1, round(sample_rate_hz / 1000))
    block = millisecond * SILENCE_BLOCK_MS
    sums, moments = np.zeros(channels), np.zeros((channels, channels))
    mono, silent, envelope = np.empty(length, np.float32), [], []
    for start in range(0, length, millisecond * CHUNK_MS):
        part = audio[:, start : start + millisecond * CHUNK_MS]
        mono[start : start + part.shape[1]] = part.mean(axis=0)
        sums += part.sum(axis=1, dtype=np.float64)
        moments += part.astype(np.float64) @ part.T
        blocks = np.pad(part, ((0, 0), (0, -part.shape[1] % block))).reshape(channels, -1, block)
        silent.append(np.sqrt(np.einsum("cbs,cbs->cb", blocks, blocks) / block).max(axis=0) < SILENCE_RMS)
        envelope.append(np.abs(blocks).max(axis=0).reshape(-1, millisecond).max(axis=1))
        tick()
    count = max(1, length)
    side, middle, correlation = _stereo(moments, sums, count)
    return Levels(
        mono=mono,
        peak=max((float(peaks.max()) for peaks in envelope), default=0.0),
        rms=float(np.sqrt(np.trace(moments) / (count * channels))),
        dc_offset=float(np.abs(sums / count).max()),
        width=side / max(side + middle, 1e-30),
        correlation=correlation,
        silent=np.concatenate(silent) if silent else np.zeros(0, bool),
        envelope=np.concatenate(envelope) if envelope else np.zeros(0, np.float32),
        block_seconds=block / sample_rate_hz,
    )


def _stereo(moments: Array, sums: Array, count: int) -> tuple[float, float, float]:
    """Power of the difference and of the sum of both channels (one channel counts as two), and their correlation."""
    if len(moments) == 1:
        return 0.0, float(moments[0, 0]), 1.0
    left, right, both = moments[0, 0], moments[1, 1], moments[0, 1]
    covariance = moments - np.outer(sums, sums) / count
    spread = np.sqrt(max(covariance[0, 0], 0.0) * max(covariance[1, 1], 0.0))
    correlation = float(np.clip(covariance[0, 1] / spread, -1, 1)) if spread > 1e-12 * count else 1.0
    return max(0.0, float(left + right - 2 * both)) / 4, max(0.0, float(left + right + 2 * both)) / 4, correlation


def silence(levels: Levels, seconds: float) -> Silence:
    """Measure how much of the sound is silent, and where."""
    if not levels.silent.size or levels.silent.all():
        return Silence(seconds, seconds, 0.0, 0.0)
    heard = np.flatnonzero(~levels.silent)
    gaps = np.diff(heard, prepend=heard[0]) - 1
    block = levels.block_seconds
    tail = max(0.0, seconds - (heard[-1] + 1) * block)
    inner = int(levels.silent[heard[0] : heard[-1]].sum()) * block
    return Silence(heard[0] * block + inner + tail, heard[0] * block, tail, max(0, int(gaps.max())) * block)


def dropouts(envelope: Samples) -> list[tuple[int, int]]:
    """Holes in the sound as [start, end) in ms: it breaks off at its level and comes back at once, as no player pauses.

    A hole need not be empty: a codec smears what is around into it.
    """
    starts, ends = _runs(envelope < np.maximum(HOLE_LEVEL, HOLE_SHARE * _around(envelope)))
    holes = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        before, after = envelope[max(0, start - EDGE_MS) : start], envelope[end : end + 2]
        if not before.size or not after.size or not HOLE_MS[0] <= end - start <= HOLE_MS[1]:
            continue
        # The ms in which it breaks off holds only part of the sound, so the one beside it may speak for it.
        left, back = float(before[-2:].max()), float(after.max())
        beside, inside = min(left, back), envelope[start:end]
        deep = inside.max() < HOLE_SHARE * beside and np.median(inside) < HOLE_MEDIAN_SHARE * beside
        if deep and beside > EDGE_LEVEL and left > FADE_SHARE * before.max():
            holes.append((start, end))
    return holes


def _around(envelope: Samples) -> Samples:
    """Return the loudest of the 60 ms before and of the 60 ms after each ms, the lesser of both."""
    loudest = np.lib.stride_tricks.sliding_window_view(np.pad(envelope, AROUND_MS), AROUND_MS).max(axis=1)
    lesser: Samples = np.minimum(loudest[: len(envelope)], loudest[AROUND_MS + 1 :])
    return lesser


def flat_tops(audio: Samples, tick: Tick) -> int:
    """Samples in flat tops: runs at a channel's own highest or lowest value that are entered or left by a step."""
    return sum(_flat_tops(channel, np.float32(sign), tick) for channel in audio for sign in (1, -1))


def over_full_scale(audio: Samples, tick: Tick) -> int:
    return sum(int((np.abs(part) > 1).sum()) for _, part in _stretches(audio, tick))


def _flat_tops(channel: Samples, sign: np.float32, tick: Tick) -> int:
    top = max((float((part * sign).max()) for _, part in _stretches(channel, tick)), default=0.0)
    if top <= SILENCE_RMS:
        return 0
    limit = np.float32(min(FULL_SCALE, top * (1 - 1e-6)))
    at = np.concatenate([start + np.flatnonzero(part * sign >= limit) for start, part in _stretches(channel, tick)])
    breaks = np.flatnonzero(np.diff(at) > 1)
    firsts, lasts = at[np.append(0, breaks + 1)], at[np.append(breaks, len(at) - 1)]
    before, after = (channel[np.clip(beside, 0, len(channel) - 1)] for beside in (firsts - 1, lasts + 1))
    steps = top - np.minimum(before, after) if sign > 0 else top + np.maximum(before, after)
    lengths = lasts - firsts + 1
    return int(lengths[(lengths >= FLAT_TOP_SAMPLES) & (steps >= FLAT_TOP_STEP)].sum())


def _stretches(audio: Samples, tick: Tick) -> Iterator[tuple[int, Samples]]:
    for start in range(0, audio.shape[-1], STRETCH):
        yield start, audio[..., start : start + STRETCH]
        tick()


def _runs(where: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts and ends of the stretches that are true."""
    turns = np.flatnonzero(np.diff(where.astype(np.int8), prepend=0, append=0))
    return turns[::2], turns[1::2]
