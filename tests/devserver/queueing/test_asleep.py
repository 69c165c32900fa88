"""Which runs sleep while they wait for their turn, and what wakes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from devserver.durable.database import Database
from devserver.model.rows import Place
from devserver.queueing.asleep import Asleep
from devserver.queueing.tickets import Tickets
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce


@pytest.fixture
def tickets(database: Database) -> AtOnce:
    return AtOnce(database, Tickets())


@pytest.fixture
def waits(journal: JournalAtOnce, tickets: AtOnce) -> Place:
    """A take that waits for its turn."""
    run = add_run(journal)
    journal.begin_stage(replace(run, stage="interception"), at_work=True)
    journal.end(replace(run, stage="interception"), "success")
    take = replace(run, stage="generation", take=1)
    journal.begin_stage(replace(take, take=0))
    journal.begin_take(take)
    tickets.ask(take)
    return take


async def asleep(database: Database) -> Asleep:
    found = Asleep(lambda _: None)
    await found.fill(database)
    return found


async def test_a_run_that_waits_for_its_turn_sleeps(database: Database, waits: Place) -> None:
    assert waits.run_id in await asleep(database)


async def test_one_whose_first_attempt_was_lost_sleeps_too(
    database: Database, journal: JournalAtOnce, waits: Place
) -> None:
    journal.begin_attempt(replace(waits, attempt=1), prompt_id="p")
    journal.end(replace(waits, attempt=1), "lost")
    assert RUN_ID in await asleep(database)


def has_its_turn(_journal: JournalAtOnce, tickets: AtOnce, _take: Place) -> None:
    (waits,) = tickets.listed()
    tickets.bind(waits.key, "gpu", "a", "placed_alone")


def another_take_has_its_turn(journal: JournalAtOnce, tickets: AtOnce, take: Place) -> None:
    journal.begin_take(replace(take, take=2))
    tickets.ask(replace(take, take=2), held_at="other")


def is_tried_again(_journal: JournalAtOnce, tickets: AtOnce, take: Place) -> None:
    tickets.rest(take)


def its_prompt_was_submitted(journal: JournalAtOnce, _tickets: AtOnce, take: Place) -> None:
    journal.begin_attempt(replace(take, attempt=1), prompt_id="p")


def a_take_has_not_asked(journal: JournalAtOnce, _tickets: AtOnce, take: Place) -> None:
    journal.begin_take(replace(take, take=2))


def a_stage_has_no_take_yet(journal: JournalAtOnce, _tickets: AtOnce, take: Place) -> None:
    journal.begin_stage(replace(take, stage="more", take=0))


def is_to_be_cancelled(journal: JournalAtOnce, _tickets: AtOnce, take: Place) -> None:
    journal.ask_cancel(take.run_id)


def has_ended(journal: JournalAtOnce, _tickets: AtOnce, take: Place) -> None:
    journal.end_run(replace(take, stage="", take=0), "failed", "2024-01-31T23:59:59.999Z", None)


AWAKE: list[Callable[[JournalAtOnce, AtOnce, Place], None]] = [
    has_its_turn,
    another_take_has_its_turn,
    is_tried_again,
    its_prompt_was_submitted,
    a_take_has_not_asked,
    a_stage_has_no_take_yet,
    is_to_be_cancelled,
    has_ended,
]


@pytest.mark.parametrize("happens", AWAKE)
async def test_a_run_is_awake_that(
    database: Database,
    journal: JournalAtOnce,
    tickets: AtOnce,
    waits: Place,
    happens: Callable[[JournalAtOnce, AtOnce, Place], None],
) -> None:
    happens(journal, tickets, waits)
    assert RUN_ID not in await asleep(database)


def sleeping(**demands: set[str]) -> tuple[Asleep, list[str]]:
    woken: list[str] = []
    one = Asleep(woken.append)
    one._waits_with = demands
    return one, woken


def test_a_turn_wakes_its_run_alone_and_once() -> None:
    one, woken = sleeping(a={"song"}, b={"song"})
    for _ in range(2):
        one.look({"a", "another"}, ())
    assert woken == ["a"]
    assert "b" in one


def test_whom_no_backend_can_serve_any_more_is_woken_to_fall_back() -> None:
    one, woken = sleeping(a={"song"}, b={"film"}, c={"film", "song"})
    one.look(set(), ())
    assert woken == []
    one.look(set(), {"film", "unheard of"})
    assert sorted(woken) == ["b", "c"]


async def test_it_is_known_with_which_demands_a_run_waits(
    database: Database, journal: JournalAtOnce, tickets: AtOnce, waits: Place
) -> None:
    journal.begin_take(replace(waits, take=2))
    for number, demand in enumerate(["song", "film"], 1):
        tickets.ask(replace(waits, take=number), demand=demand)
    assert (await asleep(database))._waits_with == {RUN_ID: {"song", "film"}}
