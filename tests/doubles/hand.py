"""A clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from devserver.system.clock import Clock


class Hand(Clock):
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
