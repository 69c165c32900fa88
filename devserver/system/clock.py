"""The one clock that is handed to every part, so that a test can hold time in its hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Wall time for records, monotonic time for waiting."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never step back."""
        return time.monotonic()

    def stamp(self, away: timedelta = timedelta()) -> str:
        """The time of day as the record writes it: ISO 8601, UTC, milliseconds; of another moment that far away."""
        return (self.now() + away).isoformat(timespec="milliseconds").replace("+00:00", "Z")
