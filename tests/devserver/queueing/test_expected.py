"""When a run will be done, on a clock that the test holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.plan import Plan
from devserver.model.rows import Place
from devserver.queueing.eta import Guess
from devserver.queueing.expected import FRESH_S, Expected, around, ways_of
from devserver.queueing.tickets import ALL, Work
from devserver.system.clock import Clock
from tests.devserver.plans import AT, RUN_ID, add_run, plan
from tests.doubles.at_once import AtOnce, JournalAtOnce, rows

NEXT = "20240201-000000-00000002"


class Hand(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def expected(clock: Hand) -> Expected:
    return Expected.by(clock)


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Plan:
    return plan(definitions, exports, database, output_config="silence_mp3")


@pytest.fixture
def asking(database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan) -> Any:
    """Let the take of a run wait at a backend where its like has taken 20 s."""
    (work,) = ways_of(planned.media[0], 1)
    for number in range(20):
        AtOnce(database, expected.durations).learn(Place(f"old {number}", 1), work, "gpu", 20.0)

    def ask(run_id: str, work: Work = work, *, held: bool = False) -> Place:
        place = replace(add_run(journal, run_id), stage="generation", take=1)
        AtOnce(database, expected.tickets).ask(place, "gpu", work=work, held=held)
        expected.read_again()
        return place

    return ask


def usual(expected: Expected, database: Database, run_id: str) -> float | None:
    guess: Guess | None = AtOnce(database, expected).of_run(run_id)
    return None if guess is None else guess.usual


def test_a_run_waits_for_all_that_is_before_it(database: Database, expected: Expected, asking: Any) -> None:
    asking(RUN_ID, held=True)
    asking(NEXT)
    assert usual(expected, database, RUN_ID) == pytest.approx(20)
    assert usual(expected, database, NEXT) == pytest.approx(40)
    line = AtOnce(database, expected).line()
    assert [line.position(ticket) for ticket in line.at("gpu")] == [0, 1]
    assert (line.at("cpu"), line.of_run("unknown")) == ([], [])


def test_what_is_at_work_comes_nearer_its_end_and_never_to_it(
    database: Database, expected: Expected, clock: Hand, asking: Any
) -> None:
    asking(RUN_ID, held=True)
    left = []
    for _ in range(3):
        clock.forward(15)
        left.append(usual(expected, database, RUN_ID))
    assert left == [pytest.approx(5), pytest.approx(2), pytest.approx(2)]
    clock.forward(-3600)
    expected.read_again()
    assert usual(expected, database, RUN_ID) == pytest.approx(20), "a clock that was set back makes nothing longer"


def test_nothing_is_said_where_something_before_it_is_not_known_or_the_queue_is_paused(
    database: Database, expected: Expected, asking: Any
) -> None:
    asking(RUN_ID, Work("film", "never made"))
    asking(NEXT)
    assert usual(expected, database, NEXT) is None
    AtOnce(database, expected.tickets).give_back(Place(RUN_ID, 1, "generation", 1))
    expected.read_again()
    assert usual(expected, database, NEXT) is not None
    AtOnce(database, expected.tickets).pause(ALL)
    expected.read_again()
    assert usual(expected, database, NEXT) is None


def test_a_run_that_has_not_asked_yet_waits_behind_those_that_were_accepted_before_it(
    database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan, asking: Any
) -> None:
    asking("20240131-000000-00000000", held=True)
    for run_id in (RUN_ID, NEXT):
        add_run(journal, run_id)
        expected.accept(planned.model_copy(update={"run_id": run_id}))
    assert usual(expected, database, RUN_ID) == pytest.approx(40)
    assert usual(expected, database, NEXT) == pytest.approx(60)


def test_takes_that_are_done_are_expected_no_more_and_those_that_are_added_are(
    database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan, asking: Any
) -> None:
    del asking
    place = replace(add_run(journal), stage="generation", take=1)
    expected.accept(planned)
    expected.add(replace(place, take=2), ways_of(planned.media[0], 2))
    assert usual(expected, database, RUN_ID) == pytest.approx(40)
    expected.note_given_back(place, well=False)
    assert usual(expected, database, RUN_ID) == pytest.approx(40)
    expected.note_given_back(place, well=True)
    assert usual(expected, database, RUN_ID) == pytest.approx(20)
    expected.end(RUN_ID)
    assert usual(expected, database, RUN_ID) is None


def test_a_run_that_another_process_walked_to_its_end_is_forgotten(
    database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan
) -> None:
    place = add_run(journal)
    expected.accept(planned)
    journal.end_run(place, "success", AT, None)
    AtOnce(database, expected).line()
    assert expected._coming == {}


def test_one_look_at_the_tickets_is_good_for_all_who_ask_within_a_moment(
    database: Database, expected: Expected, clock: Hand
) -> None:
    at_once = AtOnce(database, expected)
    line = at_once.line()
    assert at_once.line() is line
    clock.forward(2 * FRESH_S)
    again = at_once.line()
    assert again is not line
    expected.read_again()
    assert at_once.line() is not again


def test_a_take_of_which_the_work_is_not_known_teaches_nothing(database: Database, expected: Expected) -> None:
    for work in (None, Work("song", "a")):
        AtOnce(database, expected).learn(Place(RUN_ID, 1, "generation", 1), work, "gpu", 9.0)
    assert [row["seconds"] for row in rows(database, "SELECT seconds FROM durations")] == [9.0]


def test_a_run_takes_a_while_beside_its_takes() -> None:
    stamps = [f"2030-01-01T00:00:{second:02d}.000Z" for second in (0, 2, 5, 9, 10)]
    accepted, first, _, last, ended = stamps
    assert around(accepted, ended, [(first, stamps[2]), (first, last)]) == 3.0
    assert around(accepted, accepted, [(first, last)]) == 0.0
    assert around(accepted, ended, []) is None
