"""Wrong keys by address, and whose each run is."""

from __future__ import annotations

import pytest

from my_app.door import visitors
from my_app.door.visitors import TRIES, WINDOW_S, Owners, Tries


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_tenth_wrong_key_ends_the_answers_until_the_first_is_a_minute_old() -> None:
    clock = Clock()
    tries = Tries(clock)
    assert [tries.count_wrong("a") for _ in range(TRIES)] == [0.0] * (TRIES - 1) + [WINDOW_S]
    clock.now += WINDOW_S - 5
    assert tries.count_wrong("a") == 5
    assert tries.count_wrong("b") == 0
    clock.now += 5
    assert tries.count_wrong("a") == 0


def test_who_goes_on_guessing_does_not_make_it_longer_and_waits_a_second_at_least() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(TRIES):
        tries.count_wrong("a")
    clock.now += WINDOW_S - 0.5
    assert [tries.count_wrong("a") for _ in range(2 * TRIES)] == [1.0] * 2 * TRIES
    clock.now += 0.5
    assert tries.count_wrong("a") == 0


def test_of_very_many_addresses_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "MOST_ADDRESSES", 2)
    tries = Tries(Clock())
    for _ in range(TRIES):
        tries.count_wrong("a")
    tries.count_wrong("b")
    tries.count_wrong("a")  # who asks is remembered anew
    tries.count_wrong("c")
    assert tries.count_wrong("a") > 0


async def test_the_owner_of_a_run_is_looked_up_once_and_that_of_none_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def find(run_id: str) -> str | None:
        asked.append(run_id)
        return None if run_id == "gone" else f"owner of {run_id}"

    monkeypatch.setattr(visitors, "MOST_RUNS", 2)
    owners = Owners(find)
    assert [await owners.of(run_id) for run_id in ("a", "a", "gone", "gone")] == ["owner of a"] * 2 + [None] * 2
    assert asked == ["a", "gone", "gone"]
    for run_id in ("b", "c", "a"):
        await owners.of(run_id)
    assert asked[3:] == ["b", "c", "a"]
