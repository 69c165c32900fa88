from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest

from devserver.durable.database import Database
from devserver.durable.sql import Transaction
from devserver.model.rows import Place
from devserver.model.server import TimeLeft
from devserver.queueing import eta
from devserver.queueing.eta import FRESH_DAYS, KEPT, READ_AGAIN_S, Durations, Guess, Law, Sample, law, size_of, total
from devserver.queueing.tickets import Work
from devserver.system.clock import Clock
from tests.doubles.at_once import AtOnce, rows
from tests.doubles.hand import Hand

# Of each kind: seconds of a run of no size, seconds for each unit, the sizes that are asked for.
KINDS = {"song": (4.0, 0.5, (30, 240)), "picture": (1.0, 2e-6, (65_536, 4_194_304)), "check": (0.3, 0.0, (1, 100))}


@pytest.fixture
def clock() -> Hand:
    return Hand()


class _Durations:
    """The table is read before each question, where it is due."""

    def __init__(self, clock: Clock) -> None:
        self.own = Durations(clock)

    def learn(
        self, tx: Transaction, place: Place, work: Work, backend: str, seconds: float, *, loaded: bool = True
    ) -> None:
        self.own.learn(tx, place, work, backend, seconds, loaded=loaded)
        self.own.read_again()

    def guess(self, tx: Transaction, work: Work, backend: str) -> Guess | None:
        self.own.read(tx)
        return self.own.guess(work, backend)

    def load_s(self, tx: Transaction, work: Work, backend: str) -> float:
        self.own.read(tx)
        return self.own.load_s(work, backend)

    def usual(self, tx: Transaction, ways: Sequence[Work]) -> tuple[str, Guess | None]:
        self.own.read(tx)
        return self.own.usual(ways)


@pytest.fixture
def durations(database: Database, clock: Hand) -> AtOnce:
    return AtOnce(database, _Durations(clock))


@dataclass(frozen=True)
class Told:
    expected: Guess | None
    real: float


def guess(samples: Sequence[Sample], size: float) -> Guess | None:
    return law(samples[-KEPT:]).guess(size) if samples else None


def stream(count: int, clients: int, seed: int) -> list[Told]:
    """Mixed runs at one backend, each client sending its next one when its last one has ended."""
    draws = random.Random(seed)
    known: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    queue: deque[tuple[str, float, float, Guess | None]] = deque()
    told: list[Told] = []
    now = 0.0

    def send() -> None:
        kind = draws.choice(list(KINDS))
        size = float(draws.randint(*KINDS[kind][2]))
        before = [(one, its_size) for one, its_size, _, _ in queue]
        queue.append((kind, size, now, total(guess(known[one], its) for one, its in [*before, (kind, size)])))

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
    inside = [one for one in judged if one.expected and one.expected.low <= one.real <= one.expected.high]
    assert len(inside) >= 0.8 * len(judged)
    assert sum(one.high <= 2 * one.low for one in ranges) >= 0.8 * len(ranges)


def test_nothing_is_said_of_what_was_never_made(durations: AtOnce) -> None:
    assert durations.guess(Work("song", "a", 30), "gpu") is None
    assert durations.usual([Work("song", "a", 30), Work("film", "b", 30)]) == ("", None)
    assert total([guess([(1, 1)], 1), None]) is None


def test_a_duration_grows_with_the_size_where_it_does() -> None:
    line = [(float(size), 2 + 0.5 * size) for size in range(10, 60, 5)]
    found = guess(line, 100)
    assert found is not None
    assert found.usual == pytest.approx(52, rel=0.1)
    assert found.low < 52 < found.high
    level = guess([(float(size), 3.0) for size in range(10, 60, 5)], 1000)
    assert level is not None
    assert level.usual == pytest.approx(3, rel=0.02)


def test_a_few_odd_durations_bend_nothing() -> None:
    usual = [(float(size % 7 + 1), float(size % 7 + 1)) for size in range(40)]
    odd = [
        (size, seconds * 50) if number % 13 == 5 else (size, seconds) for number, (size, seconds) in enumerate(usual)
    ]
    found = guess(odd, 5.0)
    assert found is not None
    assert found.usual == pytest.approx(5, rel=0.3)


def test_few_samples_give_a_wide_range_and_many_a_narrow_one() -> None:
    def width(count: int) -> float:
        found = guess([(10.0, 5.0)] * count, 10.0)
        assert found is not None
        assert found.samples == count
        return found.high / found.low

    assert width(1) > 3 > width(4) > width(30)
    assert width(30) < 1.7


def test_what_is_beyond_all_sizes_that_were_seen_is_less_sure() -> None:
    seen = [(float(size), size * 0.1) for size in range(10, 40)]
    near, far = guess(seen, 35), guess(seen, 3500)
    assert near is not None
    assert far is not None
    assert far.high / far.low > 10 * near.high / near.low


def test_a_size_is_what_makes_a_prompt_long() -> None:
    assert size_of({"steps": 20, "width": 512, "height": 512, "seed": 10**9, "prompt": "x"}) == 20 * 512 * 512
    assert size_of({"seconds": 2.5, "genre": "techno"}) == 2.5
    assert size_of({"seconds": None, "steps": True}) == 1
    assert size_of({"steps": 10**300, "width": 10**300}) < 10**16
    assert guess([(0, 1.0)] * 5, 0) is not None
    assert guess([(10**15, 10.0**9)] * 5, 1) is not None


def test_a_range_is_rounded_outwards_to_two_digits() -> None:
    for guess, low, high in (
        (Guess(12.34, 13, 14.01, 3), 12.0, 15.0),
        (Guess(0.123, 0.2, 0.234, 3), 0.12, 0.24),
        (Guess(0.0, 0.0, 0.0, 3), 0.0, 0.0),
    ):
        assert guess.as_time_left() == TimeLeft(low_seconds=low, high_seconds=high, samples=3)


def test_of_each_kind_the_newest_are_kept_and_survive_a_restart(
    database: Database, durations: AtOnce, clock: Hand
) -> None:
    for number in range(KEPT + 20):
        clock.at += timedelta(seconds=1)
        durations.learn(Place(f"run {number}", 1, "generation", 1), Work("song", "a", 1), "gpu", float(number))
    durations.learn(Place("other", 1, "generation", 1), Work("song", "a", 1), "cpu", 1000.0)
    kept = rows(database, "SELECT seconds FROM durations WHERE backend = 'gpu' ORDER BY at")
    assert [row["seconds"] for row in kept] == [float(number) for number in range(20, KEPT + 20)]
    again = AtOnce(database, _Durations(clock))
    found = again.guess(Work("song", "a", 1), "gpu")
    assert found is not None
    assert (found.samples, 20 < found.low < found.usual < 40) == (KEPT, True)
    assert again.usual([Work("film", "b"), Work("song", "a")]) == ("cpu", again.guess(Work("song", "a"), "cpu"))


def test_another_process_hears_of_a_duration_within_a_while(database: Database, durations: AtOnce, clock: Hand) -> None:
    other = AtOnce(database, _Durations(clock))
    assert other.guess(Work("song", "a"), "gpu") is None
    durations.learn(Place("run", 1, "generation", 1), Work("song", "a"), "gpu", 20.0)
    clock.at += timedelta(seconds=READ_AGAIN_S)
    assert other.guess(Work("song", "a"), "gpu") is not None


def test_a_machine_that_has_become_slower_is_noticed_within_some_runs(durations: AtOnce) -> None:
    for number in range(60):
        work, seconds = Work("song", "a", 10), 5.0 if number < 40 else 10.0
        durations.learn(Place(f"run {number}", 1, "generation", 1), work, "gpu", seconds)
    found = durations.guess(work, "gpu")
    assert found is not None
    assert found.usual == pytest.approx(10, rel=0.05)


def test_a_law_is_worked_out_once_for_each_new_duration(durations: AtOnce, monkeypatch: pytest.MonkeyPatch) -> None:
    """With hundreds of waiting runs it is asked for all the time."""
    made: list[int] = []

    def counted(samples: Sequence[Sample]) -> Law:
        made.append(len(samples))
        return law(samples)

    monkeypatch.setattr(eta, "law", counted)
    for number in range(3):
        durations.learn(Place(f"run {number}", 1, "generation", 1), Work("song", "a", 1), "gpu", 2.0)
        assert all(durations.guess(Work("song", "a", size), "gpu") for size in range(1, 100))
    assert made == [1, 2, 3]


SONG = Work("song", "a")


def learn(durations: AtOnce, *seconds: float, loaded: bool = True, device: str = "") -> None:
    """Learn some durations of the same work at the same backend."""
    durations.subject.own.devices = {"gpu": device}
    for one in seconds:
        place = Place(f"run {one} {device}", 1, "generation", 1)
        durations.learn(place, SONG, "gpu", one, loaded=loaded)


def usual_s(durations: AtOnce) -> tuple[float, int]:
    known = durations.guess(SONG, "gpu")
    return round(known.usual, 2), known.samples


def test_what_loads_its_models_first_is_told_apart(durations: AtOnce) -> None:
    learn(durations, 9.0, loaded=False)
    assert usual_s(durations) == (9.0, 1), "nothing better is known"
    assert durations.load_s(SONG, "gpu") == 0
    learn(durations, 2.0, 4.0)
    assert usual_s(durations) == (2.83, 2)
    assert durations.load_s(SONG, "gpu") == pytest.approx(9 - 2.83, abs=0.01)
    learn(durations, 0.5, loaded=False)
    assert durations.load_s(SONG, "gpu") == pytest.approx((9 + 0.5) / 2 - 2.83, abs=0.01)


def test_what_another_device_took_counts_as_one_sample(durations: AtOnce) -> None:
    learn(durations, 30.0, 31.0, 32.0, device="old card")
    assert usual_s(durations)[1] == 3
    learn(durations, 3.0, 3.1, 3.2, 3.3, device="new card")
    seconds, samples = usual_s(durations)
    assert (3.1 <= seconds <= 3.3, samples) == (True, 5)
    learn(durations, device="old card")
    assert usual_s(durations)[1] == 4, "those of this one, and one of the other"


def test_what_was_long_ago_counts_as_one_sample(durations: AtOnce, clock: Hand) -> None:
    learn(durations, 30.0, 31.0, 32.0)
    clock.at += timedelta(days=FRESH_DAYS, seconds=1)
    learn(durations, 3.0, 3.1)
    assert usual_s(durations) == (3.1, 3)


def test_a_duration_counts_once_however_often_it_is_written_down(durations: AtOnce) -> None:
    for _ in range(3):  # a transaction is done again where its connection was lost
        durations.learn(Place("run", 1, "generation", 1), Work("song", "a"), "gpu", 20.0)
    known = durations.guess(Work("song", "a"), "gpu")
    assert known is not None
    assert known.samples == 1


async def test_what_was_not_committed_is_not_learned(database: Database, clock: Hand) -> None:
    own = Durations(clock)

    def learn_in_vain(tx: Transaction) -> None:
        own.read(tx)
        own.learn(tx, Place("run", 1, "generation", 1), Work("song", "a"), "gpu", 20.0, loaded=True)
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await database.write(learn_in_vain)
    assert own.guess(Work("song", "a"), "gpu") is None
