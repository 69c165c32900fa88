from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from devserver.durable.database import Database
from devserver.model.rows import Place
from devserver.queueing.tickets import ALL, Tickets
from devserver.system.clock import Clock
from tests.devserver.plans import add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, rows


@pytest.fixture
def places(journal: JournalAtOnce) -> list[Place]:
    runs = [f"20240131-2359{n:02d}-00000000" for n in range(12)]
    return [Place(add_run(journal, run).run_id, 1, "generation", 1) for run in runs]


@pytest.fixture
def tickets(database: Database) -> AtOnce:
    return AtOnce(database, Tickets())


class Stamps(Clock):
    """A clock that tells what it was given."""

    def __init__(self, stamps: Iterator[str]) -> None:
        self._stamps = stamps

    def stamp(self, away: timedelta = timedelta()) -> str:
        del away
        return next(self._stamps)


def number(run_id: str) -> int:
    return int(run_id[13:15])


def held(tickets: AtOnce, places: int = 2) -> set[int]:
    """Give turns as long as there are places; return the runs that have one."""
    free = places - len(tickets.held())
    for ticket in tickets.first([""], max(0, free)):
        tickets.bind(ticket.key, "gpu", "a", "placed_alone")
    return {number(ticket.run_id) for ticket in tickets.held()}


def order(tickets: AtOnce) -> list[int]:
    """Give all turns, one after the other; return the order."""
    given = []
    while held(tickets, places=1):
        ticket = tickets.held()[0]
        given.append(number(ticket.run_id))
        tickets.give_back(Place(ticket.run_id, 1, ticket.stage, ticket.take))
    return given


def test_tickets_are_granted_in_the_order_in_which_they_were_asked_for(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place)
    assert held(tickets) == {0, 1}
    tickets.give_back(places[0])
    assert held(tickets) == {1, 2}


def test_a_higher_priority_goes_first_but_takes_nothing_away(tickets: AtOnce, places: list[Place]) -> None:
    tickets.ask(places[0])
    assert held(tickets, places=1) == {0}
    tickets.ask(places[1])
    for place in places[2:4]:
        tickets.ask(place, priority=5)
    assert held(tickets, places=1) == {0}
    assert order(tickets) == [0, 2, 3, 1]


def test_asking_again_keeps_the_place_and_a_turn_that_is_over_is_not_kept(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place)
    assert held(tickets, places=1) == {0}
    tickets.ask(places[0])
    assert [(number(one.run_id), one.held) for one in tickets.listed()] == [(0, False), (1, False), (2, False)]
    assert held(tickets, places=1) == {0}


def test_a_take_that_rests_keeps_its_place_and_wants_no_backend(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place)
    assert held(tickets, places=1) == {0}
    tickets.rest(places[0])
    assert held(tickets, places=1) == {1}
    tickets.ask(places[0], failed_at=["gpu"])
    tickets.give_back(places[1])
    assert held(tickets, places=1) == {0}, "it is before the third one still"
    assert tickets.held()[0].failed_at == {"gpu"}


def test_what_a_backend_has_already_is_bound_there(database: Database, places: list[Place]) -> None:
    tickets = AtOnce(database, Tickets(Stamps(iter(["at first", "later", "at last", "never"]))))
    for _ in range(2):
        tickets.ask(places[0], held_at="cpu")
    (ticket,) = tickets.held()
    assert (ticket.backend, ticket.granted_at) == ("cpu", "at first")
    tickets.ask(places[0], held_at="gpu")
    assert tickets.held()[0].granted_at == "at last"
    tickets.bind(ticket.key, "cpu", "a", "placed_alone")
    assert tickets.held()[0].backend == "gpu", "it is bound once"


def test_users_take_turns_among_takes_that_compete(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place, user_id="eager", demand="song", competing=["song"])
    tickets.ask(places[3], user_id="eager", demand="film", competing=["film"])
    tickets.ask(places[4], user_id="eager", demand="both", competing=["song", "film", "both"])
    rounds = {number(one.run_id): one.round for one in tickets.listed()}
    assert rounds == {0: 0, 1: 1, 2: 2, 3: 0, 4: 3}


def test_only_the_first_that_are_wanted_are_read(tickets: AtOnce, places: list[Place]) -> None:
    for place, demand in zip(places, ["song", "film", "song", "song"], strict=False):
        tickets.ask(place, demand=demand)
    assert [number(one.run_id) for one in tickets.first(["song"], 2)] == [0, 2]
    assert [number(one.run_id) for one in tickets.first(["song", "film"], 9)] == [0, 1, 2, 3]
    assert {demand for demand, *_ in tickets.demands()} == {"song", "film"}
    assert all(one.owner for one in tickets.first(["song"], 9, owners=True))


def test_it_is_counted_how_often_a_take_is_passed_over_and_since_when(database: Database, places: list[Place]) -> None:
    stamps = iter(["at first", "later", "at last"])
    tickets = AtOnce(database, Tickets(Stamps(stamps)))
    tickets.ask(places[0])
    for _ in range(2):
        tickets.note_passed([tickets.listed()[0].key])
    assert (tickets.listed()[0].passed, tickets.listed()[0].passed_at) == (2, "later")


def test_users_take_turns_within_a_priority(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:6]:
        tickets.ask(place, user_id="eager")
    assert held(tickets) == {0, 1}
    for place in places[6:9]:
        tickets.ask(place, user_id="late")
    tickets.ask(places[9], user_id="later")
    for place in places[10:12]:
        tickets.ask(place, priority=1, user_id="eager")
    assert order(tickets) == [0, 1, 10, 11, 2, 6, 9, 3, 7, 4, 8, 5]


def test_who_comes_again_and_again_does_not_go_before_who_waits(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place, user_id="patient")
    given = []
    for place in places[3:7]:
        tickets.ask(place, user_id="keen")
        held(tickets, places=1)
        (ticket,) = tickets.held()
        given.append(number(ticket.run_id))
        tickets.give_back(Place(ticket.run_id, 1, ticket.stage, ticket.take))
    assert given == [0, 3, 1, 4]


def test_order_and_turns_survive_a_restart(database: Database, tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, user_id="a")
    for place in places[4:6]:
        tickets.ask(place, user_id="b")
    tickets.rearrange([*tickets.listed()[-1:], *tickets.listed()[:-1]])
    before = [ticket.key for ticket in tickets.listed()]
    again = AtOnce(database, Tickets())
    for place in reversed(places[:6]):
        again.ask(place, user_id="a" if place in places[:4] else "b")
    assert [ticket.key for ticket in again.listed()] == before
    assert order(again) == [3, 0, 4, 1, 5, 2]


def test_new_runs_of_a_user_wait_in_the_order_in_which_they_were_accepted(tickets: AtOnce, places: list[Place]) -> None:
    for n in (5, 1, 3, 2, 0, 4):
        tickets.ask(places[n], user_id="late" if n in (1, 2) else "early")
        tickets.ask(replace(places[n], take=2), user_id="late" if n in (1, 2) else "early")
    assert order(tickets) == [0, 1, 0, 1, 3, 2, 3, 2, 4, 4, 5, 5]


def test_after_a_kill_new_runs_go_where_they_were_accepted_and_tickets_keep_their_places(
    database: Database, tickets: AtOnce, places: list[Place]
) -> None:
    for n in (0, 1, 4, 6):
        tickets.ask(places[n])
    first, second, fourth, sixth = tickets.listed()
    tickets.rearrange([sixth, first, fourth, second])
    again = AtOnce(database, Tickets())
    for n in (5, 6, 3, 1, 2, 4, 0, 7):
        again.ask(places[n])
    assert order(again) == [6, 0, 4, 1, 2, 3, 5, 7]


def test_a_new_run_does_not_go_before_one_that_was_moved_before_an_earlier_one(
    tickets: AtOnce, places: list[Place]
) -> None:
    for n in (2, 3, 4):
        tickets.ask(places[n])
    second, third, fourth = tickets.listed()
    tickets.rearrange([fourth, second, third])
    tickets.ask(places[1])
    assert order(tickets) == [4, 1, 2, 3]


def test_what_a_run_asks_for_later_waits_behind_those_who_asked_before(
    journal: JournalAtOnce, tickets: AtOnce, places: list[Place]
) -> None:
    for place in places[:2]:
        journal.begin_attempt(replace(place, attempt=1), backend="gpu")
    tickets.ask(places[3])
    tickets.ask(places[0])
    tickets.ask(places[2])
    tickets.ask(places[1])
    assert order(tickets) == [2, 0, 3, 1]


def test_queues_are_paused_one_by_one_or_together(database: Database, tickets: AtOnce) -> None:
    tickets.pause("gpu")
    assert AtOnce(database, Tickets()).paused() == {"gpu"}
    tickets.pause()
    tickets.resume("gpu")
    assert tickets.paused() == {ALL}
    tickets.pause("gpu")
    tickets.resume()
    assert tickets.paused() == set()


def test_who_was_moved_is_obeyed_and_who_has_a_turn_keeps_it(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place)
    assert held(tickets, places=1) == {0}
    waiting = tickets.listed()[1:]
    tickets.rearrange([waiting[2], waiting[0], waiting[1]], {waiting[2].key})
    assert [number(one.run_id) for one in tickets.listed() if one.moved] == [3]
    tickets.ask(places[4], user_id="other")
    assert order(tickets) == [0, 3, 4, 1, 2]


def test_a_walk_that_lost_its_run_does_not_give_back_the_ticket(
    journal: JournalAtOnce, tickets: AtOnce, places: list[Place]
) -> None:
    tickets.ask(places[0])
    generation = journal.begin_run(places[0].run_id).generation
    tickets.give_back(places[0])
    assert held(tickets) == {0}
    tickets.give_back(replace(places[0], generation=generation))
    assert held(tickets) == set()


def test_every_change_of_the_queue_takes_its_row_first(
    database: Database, tickets: AtOnce, places: list[Place]
) -> None:
    """On PostgreSQL that row is what keeps two processes from giving the same turn."""
    changes = []
    for name, *values in (("ask", places[0]), ("take_queue",), ("rearrange", []), ("pause",)):
        getattr(tickets, name)(*values)
        changes.append(rows(database, "SELECT changes FROM queues WHERE backend = ''")[0]["changes"])
    assert changes == [1, 2, 3, 4]


def test_a_turn_whose_attempts_have_ended_is_given_back_and_no_other(
    tickets: AtOnce, journal: JournalAtOnce, places: list[Place]
) -> None:
    """Its server died between the end of the attempt and that of its turn."""
    ended, running, fresh = (replace(places[0], stage=name) for name in ("ended", "running", "fresh"))
    for place in (ended, running):
        journal.begin_attempt(replace(place, attempt=1))
        journal.end(replace(place, attempt=1), "lost" if place is running else "success")
    journal.begin_attempt(replace(running, attempt=2))
    for place in (ended, running, fresh):
        tickets.ask(place, held_at="gpu")
    assert not tickets.give_back_ended(replace(ended, generation=7))
    assert tickets.give_back_ended(places[0])
    assert {ticket.stage for ticket in tickets.held()} == {"running", "fresh"}
