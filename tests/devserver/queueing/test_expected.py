"""When a run will be done, on a clock that the test holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devserver.backends.pool import Pool
from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.plan import Plan
from devserver.model.rows import Place
from devserver.queueing.deciding import Decider
from devserver.queueing.demand import Demand
from devserver.queueing.eta import Guess
from devserver.queueing.expected import FRESH_S, Expected, around, ways_of
from devserver.queueing.tickets import ALL, Work
from schemas.nodes import Fit
from tests.devserver.plans import AT, RUN_ID, add_run, plan
from tests.doubles.at_once import AtOnce, JournalAtOnce
from tests.doubles.hand import Hand
from tests.doubles.pools import add_backend

NEXT = "20240201-000000-00000002"


@pytest.fixture
def expected(decider: Decider, clock: Hand) -> Expected:
    return Expected(decider, clock)


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Plan:
    return plan(definitions, exports, database, output_config="silence_mp3")


@pytest.fixture
def wanted(pool: Pool, planned: Plan, monkeypatch: pytest.MonkeyPatch) -> Demand:
    """The demand of the run that is planned; the only backend meets every demand."""
    monkeypatch.setattr("devserver.queueing.demand.fit_of", lambda _option, _table: Fit({}, ()))
    add_backend(pool)
    return Demand(planned.media[0].output.options[:1], planned.execution_mode)


@pytest.fixture
def asking(database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan, wanted: Demand) -> Any:
    """Let the take of a run wait, or have its turn, at a backend where its like has taken 20 s."""
    (work,) = ways_of(planned.media[0], 1)
    learn(database, expected, work, "gpu")

    def ask(run_id: str, wanted: Demand = wanted, *, held_at: str = "") -> Place:
        expected.decider.know(wanted)
        place = replace(add_run(journal, run_id), stage="generation", take=1)
        its = replace(work, config=wanted.options[0].config)
        AtOnce(database, expected.tickets).ask(place, work=its, demand=wanted.digest, held_at=held_at)
        expected.read_again()
        return place

    return ask


def learn(database: Database, expected: Expected, work: Work, backend: str, seconds: float = 20.0) -> None:
    for number in range(20):
        place = Place(f"old {backend} {number}", 1)
        AtOnce(database, expected.durations).learn(place, work, backend, seconds, loaded=True)
    expected.durations.read_again()
    expected.read_again()


def never_made(wanted: Demand) -> Demand:
    return Demand((wanted.options[0].model_copy(update={"config": "film"}),), wanted.execution_mode)


def usual(expected: Expected, database: Database, run_id: str) -> float | None:
    guess: Guess | None = AtOnce(database, expected).of_run(run_id)
    return None if guess is None else guess.usual


def test_a_run_waits_for_all_that_is_before_it(database: Database, expected: Expected, asking: Any) -> None:
    asking(RUN_ID, held_at="gpu")
    asking(NEXT)
    assert usual(expected, database, RUN_ID) == pytest.approx(20)
    assert usual(expected, database, NEXT) == pytest.approx(40)
    line = AtOnce(database, expected).line()
    assert [line.position(ticket) for ticket in (*line.held("gpu"), *line.expected_at("gpu"))] == [0, 1]
    assert (line.held("cpu"), line.expected_at("cpu"), line.of_run("unknown")) == ([], [], [])


def test_those_that_wait_are_expected_where_they_are_done_first(
    database: Database, expected: Expected, pool: Pool, planned: Plan, asking: Any
) -> None:
    add_backend(pool, "slow")
    learn(database, expected, ways_of(planned.media[0], 1)[0], "slow", 50.0)
    runs = [f"20240201-00000{number}-00000000" for number in range(5)]
    asking(runs[0], held_at="gpu")
    for run_id in runs[1:]:
        asking(run_id)
    line = AtOnce(database, expected).line()
    assert [line.backend(ticket) for ticket in line.tickets.values()] == ["gpu", "gpu", "slow", "gpu", "gpu"]
    ends = [one.usual for ticket in line.tickets.values() if (one := line.eta(ticket))]
    assert ends == [pytest.approx(end, rel=0.01) for end in (20, 40, 50, 60, 80)]
    assert line.backends() == ["gpu", "slow"]


def test_behind_the_first_ones_the_others_are_reckoned_by_their_pace(
    database: Database, expected: Expected, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devserver.queueing.expected.RECKONED_EXACTLY", 2)
    for number in range(6):
        asking(f"20240201-00000{number}-00000000")
    line = AtOnce(database, expected).line()
    ends = [one.usual for ticket in line.waiting if (one := line.eta(ticket))]
    assert ends == [pytest.approx(20 * place, rel=0.01) for place in (1, 2, 3, 4, 5, 6)]


def test_what_is_at_work_comes_nearer_its_end_and_never_to_it(
    database: Database, expected: Expected, clock: Hand, asking: Any
) -> None:
    asking(RUN_ID, held_at="gpu")
    left = []
    for _ in range(3):
        clock.forward(15)
        left.append(usual(expected, database, RUN_ID))
    assert left == [pytest.approx(5), pytest.approx(2), pytest.approx(2)]
    clock.forward(-3600)
    expected.read_again()
    assert usual(expected, database, RUN_ID) == pytest.approx(20), "a clock that was set back makes nothing longer"


def test_nothing_is_said_where_something_before_it_is_not_known_or_the_queue_is_paused(
    database: Database, expected: Expected, wanted: Demand, asking: Any
) -> None:
    first = asking(RUN_ID, never_made(wanted), held_at="gpu")
    asking(NEXT)
    assert usual(expected, database, NEXT) is None
    AtOnce(database, expected.tickets).give_back(first)
    expected.read_again()
    assert usual(expected, database, NEXT) is not None
    for paused in (ALL, "gpu"):
        AtOnce(database, expected.tickets).pause(paused)
        expected.read_again()
        assert usual(expected, database, NEXT) is None
        AtOnce(database, expected.tickets).resume(paused)


def test_a_run_that_has_not_asked_yet_waits_behind_those_that_were_accepted_before_it(
    database: Database, journal: JournalAtOnce, expected: Expected, planned: Plan, asking: Any
) -> None:
    asking("20240131-000000-00000000", held_at="gpu")
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


def test_a_run_takes_a_while_beside_its_takes() -> None:
    stamps = [f"2030-01-01T00:00:{second:02d}.000Z" for second in (0, 2, 5, 9, 10)]
    accepted, first, _, last, ended = stamps
    assert around(accepted, ended, [(first, stamps[2]), (first, last)]) == 3.0
    assert around(accepted, accepted, [(first, last)]) == 0.0
    assert around(accepted, ended, []) is None
