"""Brings a sound to a loudness under a true-peak ceiling, in two passes over blocks: hear all of it, then apply.

    mastering = Mastering(loudness_lufs=-14, ceiling_dbtp=-1, sample_rate_hz=48_000)
    for block in blocks: mastering.hear(block)
    mastering.solve(tick)
    for start, block in blocks: out = mastering.apply(block, start)

Between the passes it holds 8 bytes for every 32 samples, so memory hardly grows with length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .curves import apply_release, compressor_gain, gain_at, least_around, mean_around
from .meter import (
    BLOCK_SECONDS,
    SILENCE_LUFS,
    STEP,
    Array,
    Levels,
    Meter,
    Samples,
    by_tenths,
    decibels,
    integrated_lufs,
    lufs,
    range_lu,
)

MARGIN_DB = 0.03  # between the points that are measured a gain that moves can add this little
OTHER_RATE_MARGIN_DB = 0.2  # what eight points for a sample can miss; at 48 kHz they are the meter's own points
LOOKAHEAD_SECONDS = 0.0055
RELEASE_SECONDS = 0.08
CLOSE_ENOUGH_LU = 0.02
REACHED_LU = 0.2
ROUNDS = 24
MOST_LOSS_LU = 9.0  # limiting that costs more loudness than this would pump

GLUE_ATTACK_SECONDS, GLUE_RELEASE_SECONDS = 0.03, 0.25
GLUE_KNEE_DB = 8.0

Tick = Callable[[], None]


@dataclass(frozen=True)
class Glue:
    """A slow compressor over the whole sound; its threshold lies `above_lu` over the loudness of the piece."""

    ratio: float = 1.5
    above_lu: float = -1.0
    most_db: float = 3.0


@dataclass(frozen=True)
class Mastered:
    """The result of mastering: levels before and (as computed from the gain) after, and the gain's parts in dB."""

    before: Levels
    after: Levels
    gain_db: float
    glue_reduction_db: float
    limiter_reduction_db: float
    limited_share: float
    reached: bool
    remark: str  # why the target was not reached, in a sentence; else empty


class Mastering:
    """One sound's mastering. The result is within 0.2 LU of the target, or `report.remark` says why not.

    Without a target (None) the level stays as it is, and only what is over the ceiling is limited.
    It is never over the ceiling as a meter reads it that interpolates as BS.1770 says (FFmpeg's ``ebur128=peak=true``).
    """

    def __init__(
        self, *, loudness_lufs: float | None, ceiling_dbtp: float, sample_rate_hz: int, glue: Glue | None = None
    ) -> None:
        self.loudness_lufs, self.ceiling_dbtp = loudness_lufs, ceiling_dbtp
        self._meter = Meter(sample_rate_hz)
        self._rate = sample_rate_hz
        self._glue = glue
        self._aim_lufs = loudness_lufs or 0.0
        self._margin_db = MARGIN_DB if sample_rate_hz == 48_000 else OTHER_RATE_MARGIN_DB
        self._curve: Array | None = None
        self._report: Mastered | None = None

    def add(self, block: Samples) -> None:
        """First pass: float32 [C, n] of any length, C 1 or 2, in order."""
        self._meter.add(block)

    def solve(self, tick: Tick) -> Mastered:
        """Find the gain for every moment; `tick` is called at least every 100 ms and may raise to stop it."""
        peaks, energies = self._meter.steps()
        tick()
        before = self._levels(np.ones(len(peaks)), peaks, energies)
        glue = self._glue_curve(energies, before.loudness_lufs, tick) if self._glue else np.ones(len(peaks))
        peaks, energies = peaks * glue, energies * glue**2
        gain_db, remark = self._find_gain(peaks, energies, tick)
        limiter = self._limiter_curve(peaks, gain_db, tick)
        gain = 10 ** (gain_db / 20)
        after = self._levels(limiter * gain, peaks, energies)
        curve = limiter * glue * gain
        self._curve = curve if len(curve) else np.ones(1)
        self._report = Mastered(
            before=before,
            after=after,
            gain_db=gain_db,
            glue_reduction_db=-decibels(float(glue.min(initial=1.0))),
            limiter_reduction_db=-decibels(float(limiter.min(initial=1.0))),
            limited_share=float((limiter < 10 ** (-0.1 / 20)).mean()) if len(limiter) else 0.0,
            reached=not remark,
            remark=remark,
        )
        return self._report

    def correct(self, measured_lufs: float, tick: Tick) -> Mastered:
        """Solve again after the result was measured: hard limiting makes the computed loudness a little too high."""
        if self.loudness_lufs is not None:
            self._aim_lufs += self.loudness_lufs - measured_lufs
        return self.solve(tick)

    @property
    def report(self) -> Mastered:
        if self._report is None:
            raise RuntimeError("Mastering.solve comes before its report")
        return self._report

    def apply(self, block: Samples, start: int) -> Samples:
        """Second pass: the mastered form of the block that begins at sample `start`; a new float32 array."""
        if self._curve is None:
            raise RuntimeError("Mastering.solve comes before apply")
        return np.asarray(block * gain_at(self._curve, start, block.shape[1]), np.float32)

    def _levels(self, curve: Array, peaks: Array, energies: Array) -> Levels:
        tenths = by_tenths(energies * curve**2, self._meter.length, self._rate)
        peak = decibels(float((peaks * curve).max(initial=0.0)))
        return Levels(integrated_lufs(tenths), peak, range_lu(tenths))

    def _find_gain(self, peaks: Array, energies: Array, tick: Tick) -> tuple[float, str]:
        """Return the gain before the limiter, in dB, that reaches the target loudness; and the reason if none does."""

        def loudness(gain_db: float) -> float:
            curve = self._limiter_curve(peaks, gain_db, tick) * 10 ** (gain_db / 20)
            return integrated_lufs(by_tenths(energies * curve**2, self._meter.length, self._rate))

        if self.loudness_lufs is None:
            return 0.0, ""
        before = integrated_lufs(by_tenths(energies, self._meter.length, self._rate))
        if before <= SILENCE_LUFS:
            room_db = self.ceiling_dbtp - self._margin_db - decibels(float(peaks.max(initial=0.0)))
            too_short = self._meter.length < BLOCK_SECONDS * self._rate
            reason = "shorter than the 0.4 s that a loudness needs" if too_short else "silent, below -70 LUFS"
            return min(0.0, room_db), f"the sound is {reason}: its level stays as it is, under the ceiling"
        low, high = self._aim_lufs - before, self._aim_lufs - before + MOST_LOSS_LU
        gain_db = low
        for _ in range(ROUNDS):
            short = self._aim_lufs - loudness(gain_db)
            if abs(short) < CLOSE_ENOUGH_LU:
                return gain_db, ""
            low, high = (gain_db, high) if short > 0 else (low, gain_db)
            if high - low < CLOSE_ENOUGH_LU / 2:
                break
            guess = gain_db + 1.4 * short
            gain_db = guess if low < guess < high else (low + high) / 2
        reached = loudness(gain_db)
        if abs(reached - self._aim_lufs) <= REACHED_LU / 2:
            return gain_db, ""
        return gain_db, (
            f"{self.loudness_lufs:g} LUFS is not reached, {reached:.1f} LUFS is: under {self.ceiling_dbtp:g} dBTP "
            f"the limiter would have to take more than {MOST_LOSS_LU:g} LU away, which is heard as pumping"
        )

    def _limiter_curve(self, peaks: Array, gain_db: float, tick: Tick) -> Array:
        """Return a gain of at most 1 for each step; interpolated, it is low enough one step before and after a peak."""
        ceiling = 10 ** ((self.ceiling_dbtp - self._margin_db) / 20)
        needed = np.minimum(1.0, ceiling / np.maximum(peaks * 10 ** (gain_db / 20), 1e-9))
        tick()
        if not len(needed) or needed.min() >= 1:
            return needed
        reach = max(1, round(LOOKAHEAD_SECONDS * self._rate / STEP))
        down = apply_release(-np.log(least_around(needed, reach + 1)), RELEASE_SECONDS * self._rate / STEP)
        tick()
        return mean_around(np.exp(-down), reach)

    def _glue_curve(self, energies: Array, loudness_lufs: float, tick: Tick) -> Array:
        """Return a gain of at most 1 for each step: how the slow compressor follows the loudness."""
        if self._glue is None or loudness_lufs <= SILENCE_LUFS or not len(energies):
            return np.ones(len(energies))
        reach = max(1, round(GLUE_ATTACK_SECONDS / 2 * self._rate / STEP))
        level_db = lufs(mean_around(energies, reach) / STEP)
        tick()
        down_db = compressor_gain(level_db - loudness_lufs - self._glue.above_lu, self._glue.ratio, GLUE_KNEE_DB)
        down_db = self._glue.most_db * (1 - np.exp(-down_db / self._glue.most_db))
        followed = apply_release(down_db, GLUE_RELEASE_SECONDS * self._rate / STEP)
        tick()
        return np.asarray(10 ** (-mean_around(followed, reach) / 20))
