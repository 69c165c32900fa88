"""Small sums over measured seconds."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles


def spread(seconds: Sequence[float]) -> str:
    """Median, least and 95th percentile, in milliseconds."""
    p95 = quantiles(seconds, n=20, method="inclusive")[-1]
    return f"median {median(seconds) * 1e3:7.1f} ms   min {min(seconds) * 1e3:7.1f}   p95 {p95 * 1e3:7.1f}"
