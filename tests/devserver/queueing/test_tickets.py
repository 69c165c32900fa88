from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.durable.database import Database
from devserver.durable.journal import Journal
from devserver.queueing.tickets import ALL, Tickets
from devserver.runs.rows import Place
from tests.devserver.plans import add_run


@pytest.fixture
def places(journal: Journal) -> list[Place]:
    runs = [f"20240131-2359{n:02d}-00000000" for n in range(12)]
    return [Place(add_run(journal, run).run_id, 1, "generation", 1) for run in runs]


@pytest.fixture
def tickets(database: Database) -> Tickets:
    return Tickets(database)


def number(run_id: str) -> int:
    return int(run_id[13:15])


def held(tickets: Tickets, at_once: int = 2, backend: str = "gpu") -> set[int]:
    return {number(run_id) for run_id, _, _ in tickets.grant(backend, at_once)}


def order(tickets: Tickets) -> list[int]:
    """The order in which turns are really given, one after the other."""
    given = []
    while one := tickets.grant("gpu", 1):
        given.append(number(one[0][0]))
        tickets.give_back(Place(one[0][0], 1, one[0][1], one[0][2]))
    return given


def test_tickets_are_granted_in_the_order_in_which_they_were_asked_for(tickets: Tickets, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu")
    assert held(tickets) == {0, 1}
    tickets.give_back(places[0])
    assert held(tickets) == {1, 2}


def test_a_higher_priority_goes_first_but_takes_nothing_away(tickets: Tickets, places: list[Place]) -> None:
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[1], "gpu")
    tickets.ask(places[2], "gpu", priority=5)
    assert held(tickets, at_once=1) == {0}
    tickets.give_back(places[0])
    assert held(tickets, at_once=1) == {2}


def test_asking_again_keeps_the_place_and_another_backend_does_not(tickets: Tickets, places: list[Place]) -> None:
    for place in places[:2]:
        tickets.ask(place, "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[0], "cpu")
    assert held(tickets, at_once=1) == {1}
    assert held(tickets, backend="cpu") == {0}


def test_users_take_turns_within_a_priority(tickets: Tickets, places: list[Place]) -> None:
    for place in places[:6]:
        tickets.ask(place, "gpu", user_id="eager")
    assert held(tickets) == {0, 1}
    for place in places[6:9]:
        tickets.ask(place, "gpu", user_id="late")
    tickets.ask(places[9], "gpu", user_id="later")
    tickets.ask(places[10], "gpu", priority=1, user_id="eager")
    assert order(tickets) == [0, 1, 10, 2, 6, 9, 3, 7, 4, 8, 5]


def test_who_comes_again_and_again_does_not_go_before_who_waits(tickets: Tickets, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place, "gpu", user_id="patient")
    given = []
    for place in places[3:7]:
        tickets.ask(place, "gpu", user_id="keen")
        (run_id, stage, take) = tickets.grant("gpu", 1)[0]
        given.append(number(run_id))
        tickets.give_back(Place(run_id, 1, stage, take))
    assert given == [0, 3, 1, 4]


def test_order_and_turns_survive_a_restart(database: Database, tickets: Tickets, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu", user_id="a")
    for place in places[4:6]:
        tickets.ask(place, "gpu", user_id="b")
    tickets.rearrange("gpu", [*tickets.listed("gpu")[-1:], *tickets.listed("gpu")[:-1]])
    before = [ticket.key for ticket in tickets.listed("gpu")]
    again = Tickets(database)
    for place in reversed(places[:6]):
        again.ask(place, "gpu", user_id="a" if place in places[:4] else "b")
    assert [ticket.key for ticket in again.listed("gpu")] == before
    assert order(again) == [3, 0, 4, 1, 5, 2]


def test_a_paused_queue_gives_no_new_turn_and_takes_none_away(
    database: Database, tickets: Tickets, places: list[Place]
) -> None:
    for place in places[:3]:
        tickets.ask(place, "gpu")
    assert held(tickets) == {0, 1}
    tickets.pause("gpu")
    tickets.give_back(places[0])
    assert held(Tickets(database)) == {1}
    tickets.pause()
    tickets.resume("gpu")
    assert tickets.paused() == {ALL}
    assert held(tickets) == {1}
    tickets.pause("gpu")
    tickets.resume()
    assert held(tickets) == {1, 2}


def test_who_was_moved_is_obeyed_and_who_has_a_turn_keeps_it(tickets: Tickets, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu")
    assert held(tickets, at_once=1) == {0}
    waiting = tickets.listed("gpu")[1:]
    tickets.rearrange("gpu", [waiting[2], waiting[0], waiting[1]])
    tickets.ask(places[4], "gpu", user_id="other")
    assert order(tickets) == [0, 3, 4, 1, 2]


def test_a_walk_that_lost_its_run_does_not_give_back_the_ticket(
    journal: Journal, tickets: Tickets, places: list[Place]
) -> None:
    tickets.ask(places[0], "gpu")
    generation = journal.begin_run(places[0].run_id).generation
    tickets.give_back(places[0])
    assert held(tickets) == {0}
    tickets.give_back(replace(places[0], generation=generation))
    assert held(tickets) == set()


def test_every_change_of_a_queue_takes_its_row_first(database: Database, tickets: Tickets, places: list[Place]) -> None:
    """On PostgreSQL that row is what keeps two processes from granting the same turn."""
    changes = []
    for change in (
        lambda: tickets.ask(places[0], "gpu"),
        lambda: tickets.grant("gpu", 1),
        lambda: tickets.rearrange("gpu", []),
        lambda: tickets.pause("gpu"),
    ):
        change()
        changes.append(database.rows("SELECT changes FROM queues WHERE backend = 'gpu'")[0]["changes"])
    assert changes == [1, 2, 3, 4]
