"""Small sums over measured values."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles


def p50(values: Sequence[float]) -> float:
    return median(values)


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[-1]


def ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def spread(seconds: Sequence[float]) -> str:
    """Median and 99th percentile, in milliseconds."""
    return f"p50 {ms(p50(seconds))}, p99 {ms(p99(seconds))}"
