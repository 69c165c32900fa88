from __future__ import annotations

from datetime import UTC, datetime

from devserver.system.clock import Clock


class Held(Clock):
    def now(self) -> datetime:
        return datetime(2024, 1, 31, 23, 59, 59, 999_999, UTC)


def test_a_stamp_has_milliseconds_and_sorts_as_text() -> None:
    assert Held().stamp() == "2024-01-31T23:59:59.999Z"
    assert len(Clock().stamp()) == len(Held().stamp())


def test_the_time_of_day_knows_its_zone_and_the_other_never_steps_back() -> None:
    clock = Clock()
    assert clock.now().tzinfo is UTC
    first, second = clock.monotonic(), clock.monotonic()
    assert first <= second
