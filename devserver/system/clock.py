"""The one clock that is handed to every part, so that a test can hold time in its hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Wall time for records, monotonic time for waiting."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never step back."""
        return time.monotonic()

    def stamp(self) -> str:
        """Return the time of day as the record writes it: ISO 8601, UTC, milliseconds."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
