from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from devserver.clock import Clock
from devserver.durable.database import Database
from devserver.durable.journal import Place
from devserver.queueing import eta
from devserver.queueing.eta import KEPT, Durations, Law, Range, Sum, guess, law, size_of
from devserver.queueing.tickets import Work

# Of each kind: seconds of a run of no size, seconds for each unit, the sizes that are asked for.
KINDS = {"song": (4.0, 0.5, (30, 240)), "picture": (1.0, 2e-6, (65_536, 4_194_304)), "check": (0.3, 0.0, (1, 100))}


class Hand(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def durations(database: Database, clock: Hand) -> Durations:
    return Durations(database, clock)


@dataclass(frozen=True)
class Told:
    expected: Range | None
    real: float


def stream(count: int, clients: int, seed: int) -> list[Told]:
    """Mixed runs at one backend, each client sending its next one when its last one has ended."""
    draws = random.Random(seed)
    known: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    queue: deque[tuple[str, float, float, Range | None]] = deque()
    told: list[Told] = []
    now = 0.0

    def send() -> None:
        kind = draws.choice(list(KINDS))
        size = float(draws.randint(*KINDS[kind][2]))
        sum_ = Sum(guess(known[one], its_size) for one, its_size, _, _ in queue)
        sum_.add(guess(known[kind], size))
        queue.append((kind, size, now, sum_.range()))

    for _ in range(clients):
        send()
    while len(told) < count:
        kind, size, sent_at, expected = queue.popleft()
        level, slope, _ = KINDS[kind]
        seconds = (level + slope * size) * math.exp(draws.gauss(0, 0.12)) * (4 if draws.random() < 0.03 else 1)
        now += seconds
        known[kind].append((size, seconds))
        told.append(Told(expected, now - sent_at))
        send()
    return told


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clients", [1, 2, 8])
def test_the_real_time_of_a_stream_lies_in_ranges_that_say_something(clients: int, seed: int) -> None:
    judged = stream(200, clients, seed)[20:]
    ranges = [one.expected for one in judged if one.expected is not None]
    assert len(ranges) > 0.97 * len(judged)
    inside = [
        one for one in judged if one.expected and one.expected.low_seconds <= one.real <= one.expected.high_seconds
    ]
    assert len(inside) >= 0.8 * len(judged)
    assert sum(one.high_seconds <= 2 * one.low_seconds for one in ranges) >= 0.8 * len(ranges)


def test_nothing_is_said_of_what_was_never_made(durations: Durations) -> None:
    assert durations.guess(Work("song", "a", 30), "gpu") is None
    assert guess([], 1.0) is None
    assert Sum([guess([(1, 1)], 1), None]).range() is None
    assert Sum().range() is None


def test_a_duration_grows_with_the_size_where_it_does() -> None:
    line = [(float(size), 2 + 0.5 * size) for size in range(10, 60, 5)]
    found = guess(line, 100)
    assert found is not None
    assert found.seconds == pytest.approx(52, rel=0.02)
    level = guess([(float(size), 3.0) for size in range(10, 60, 5)], 1000)
    assert level is not None
    assert level.seconds == pytest.approx(3, rel=0.02)


def test_a_few_odd_durations_bend_nothing() -> None:
    usual = [(float(size % 7 + 1), float(size % 7 + 1)) for size in range(40)]
    odd = [
        (size, seconds * 50) if number % 13 == 5 else (size, seconds) for number, (size, seconds) in enumerate(usual)
    ]
    found = guess(odd, 5.0)
    assert found is not None
    assert found.seconds == pytest.approx(5, rel=0.3)


def test_few_samples_give_a_wide_range_and_many_a_narrow_one() -> None:
    def width(count: int) -> float:
        found = Sum([guess([(10.0, 5.0)] * count, 10.0)]).range()
        assert found is not None
        assert found.samples == count
        return found.high_seconds / found.low_seconds

    assert width(1) > 3 > width(4) > width(30)
    assert width(30) < 1.7


def test_what_is_beyond_all_sizes_that_were_seen_is_less_sure() -> None:
    seen = [(float(size), size * 0.1) for size in range(10, 40)]
    near, far = guess(seen, 35), guess(seen, 3500)
    assert near is not None
    assert far is not None
    assert far.spread > near.spread + 0.3


def test_a_size_is_what_makes_a_prompt_long() -> None:
    assert size_of({"steps": 20, "width": 512, "height": 512, "seed": 10**9, "prompt": "x"}) == 20 * 512 * 512
    assert size_of({"seconds": 2.5, "genre": "techno"}) == 2.5
    assert size_of({"seconds": None, "steps": True}) == 1
    assert size_of({"steps": 10**300, "width": 10**300}) < 10**16
    assert guess([(0, 1.0)] * 5, 0) is not None


def test_of_each_kind_the_newest_are_kept_and_survive_a_restart(
    database: Database, durations: Durations, clock: Hand
) -> None:
    for number in range(KEPT + 20):
        clock.at += timedelta(seconds=1)
        durations.learn(Place(f"run {number}", 1, "generation", 1), Work("song", "a", 1), "gpu", float(number))
    durations.learn(Place("other", 1, "generation", 1), Work("song", "a", 1), "cpu", 1000.0)
    rows = database.rows("SELECT seconds FROM durations WHERE backend = 'gpu' ORDER BY at")
    assert [row["seconds"] for row in rows] == [float(number) for number in range(20, KEPT + 20)]
    again = Durations(database, clock)
    found = again.guess(Work("song", "a", 1), "gpu")
    assert found is not None
    assert (found.samples, 60 < found.seconds < 90) == (KEPT, True)
    assert again.usual_way([Work("film", "b"), Work("song", "a")]) == (Work("song", "a"), "cpu")


def test_a_machine_that_is_slower_now_is_so_for_all_that_it_makes(durations: Durations) -> None:
    song, film = Work("song", "a", 10), Work("film", "b", 10)

    def learn(work: Work, seconds: float, times: int, name: str) -> None:
        for number in range(times):
            durations.learn(Place(f"{name} {number}", 1, "generation", 1), work, "gpu", seconds)

    learn(film, 20.0, 10, "film")
    learn(song, 5.0, 20, "song")
    before = durations.guess(film, "gpu")
    learn(song, 10.0, 8, "slow song")
    after = durations.guess(film, "gpu")
    assert before is not None
    assert after is not None
    assert before.seconds == pytest.approx(20, rel=0.05)
    assert 28 < after.seconds < 42


def test_a_law_is_worked_out_once_for_each_new_duration(durations: Durations, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hundreds of waiting runs it is asked for all the time."""
    made: list[int] = []

    def counted(samples: Sequence[tuple[float, float]]) -> Law | None:
        made.append(len(samples))
        return law(samples)

    monkeypatch.setattr(eta, "law", counted)
    for number in range(3):
        durations.learn(Place(f"run {number}", 1, "generation", 1), Work("song", "a", 1), "gpu", 2.0)
        assert all(durations.guess(Work("song", "a", size), "gpu") for size in range(1, 100))
    assert made == [0, 1, 2, 3]


def test_of_two_that_have_a_turn_the_second_works_from_the_end_of_the_first(durations: Durations, clock: Hand) -> None:
    begin = clock.monotonic()
    clock.at += timedelta(seconds=10)
    assert durations.worked("gpu", begin) == 10
    clock.at += timedelta(seconds=4)
    assert durations.worked("gpu", begin) == 4
    assert durations.worked("cpu", begin) == 14
