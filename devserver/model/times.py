"""Stamps of the journal, and the time between them."""

from __future__ import annotations

from datetime import datetime


def seconds_between(start_at: str | None, end_at: str | None) -> float | None:
    """Return the seconds from one stamp of the journal to another, never below 0; None where one is missing."""
    if start_at is None or end_at is None:
        return None
    return max(0.0, round((datetime.fromisoformat(end_at) - datetime.fromisoformat(start_at)).total_seconds(), 3))
