"""Gain curves: a value for every 32 samples, as compressors, limiters and ducking make them."""

from __future__ import annotations

import numpy as np

from .meter import STEP, Array, Samples


def compressor_gain(over_db: Array, ratio: float, knee_db: float) -> Array:
    """Return the reduction, in dB, of a compressor with a soft knee for levels `over_db` above its threshold."""
    within = np.clip(over_db + knee_db / 2, 0, knee_db) ** 2 / (2 * knee_db)
    return np.asarray(np.where(over_db > knee_db / 2, over_db, within) * (1 - 1 / ratio))


def apply_release(down: Array, steps: float) -> Array:
    """Reductions that recover exponentially: they reach at once and fall to 1/e in so many steps."""
    # The same as level = max(down, level * exp(-1 / steps)) from left to right, without a loop.
    way = np.arange(len(down)) / steps
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(np.maximum.accumulate(np.log(np.maximum(down, 0)) + way) - way))


def least_around(values: Array, reach: int) -> Array:
    """Return the least of the values up to `reach` places away on both sides."""
    padded = np.pad(values, reach, mode="edge")
    width, have = 2 * reach + 1, 1
    while have < width:
        step = min(have, width - have)
        padded = np.minimum(padded[:-step], padded[step:])
        have += step
    return padded


def mean_around(values: Array, reach: int) -> Array:
    width = 2 * reach + 1
    total = np.concatenate(([0.0], np.cumsum(np.pad(values, reach, mode="edge"))))
    return np.asarray((total[width:] - total[:-width]) / width)


def gain_at(curve: Array, start: int, count: int) -> Samples:
    """Return the curve at so many samples from `start` on, as float32; between its values it is a straight line."""
    first, end = start // STEP, -(-(start + count) // STEP)
    knots = curve[np.minimum(np.arange(first, end + 1), len(curve) - 1)]
    way = np.arange(STEP) / STEP
    gain = (knots[:-1, np.newaxis] + np.diff(knots)[:, np.newaxis] * way).ravel()
    inside = start - first * STEP
    return gain[inside : inside + count].astype(np.float32)
