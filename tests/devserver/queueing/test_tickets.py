from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.durable.database import Database
from devserver.model.rows import Place
from devserver.queueing.tickets import ALL, Key, Tickets
from tests.devserver.plans import add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, rows


@pytest.fixture
def places(journal: JournalAtOnce) -> list[Place]:
    runs = [f"20240131-2359{n:02d}-00000000" for n in range(12)]
    return [Place(add_run(journal, run).run_id, 1, "generation", 1) for run in runs]


@pytest.fixture
def tickets(database: Database) -> AtOnce:
    return AtOnce(database, Tickets())


def number(run_id: str) -> int:
    return int(run_id[13:15])


def granted(tickets: AtOnce, backend: str, at_once: int) -> list[Key]:
    """Grant as the turns do; who has a turn at the backend now."""
    for name in tickets.to_grant({backend: at_once}):
        tickets.grant(name, at_once)
    return [key for name, key in tickets.held() if name == backend]


def held(tickets: AtOnce, at_once: int = 2, backend: str = "gpu") -> set[int]:
    return {number(run_id) for run_id, _, _ in granted(tickets, backend, at_once)}


def order(tickets: AtOnce) -> list[int]:
    """The order in which turns are really given, one after the other."""
    given = []
    while one := granted(tickets, "gpu", 1):
        given.append(number(one[0][0]))
        tickets.give_back(Place(one[0][0], 1, one[0][1], one[0][2]))
    return given


def test_tickets_are_granted_in_the_order_in_which_they_were_asked_for(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu")
    assert held(tickets) == {0, 1}
    tickets.give_back(places[0])
    assert held(tickets) == {1, 2}


def test_a_higher_priority_goes_first_but_takes_nothing_away(tickets: AtOnce, places: list[Place]) -> None:
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[1], "gpu")
    tickets.ask(places[2], "gpu", priority=5)
    assert held(tickets, at_once=1) == {0}
    tickets.give_back(places[0])
    assert held(tickets, at_once=1) == {2}


def test_asking_again_keeps_the_place_and_another_backend_does_not(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:2]:
        tickets.ask(place, "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {0}
    tickets.ask(places[0], "cpu")
    assert held(tickets, at_once=1) == {1}
    assert held(tickets, backend="cpu") == {0}


def test_users_take_turns_within_a_priority(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:6]:
        tickets.ask(place, "gpu", user_id="eager")
    assert held(tickets) == {0, 1}
    for place in places[6:9]:
        tickets.ask(place, "gpu", user_id="late")
    tickets.ask(places[9], "gpu", user_id="later")
    tickets.ask(places[10], "gpu", priority=1, user_id="eager")
    assert order(tickets) == [0, 1, 10, 2, 6, 9, 3, 7, 4, 8, 5]


def test_who_comes_again_and_again_does_not_go_before_who_waits(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:3]:
        tickets.ask(place, "gpu", user_id="patient")
    given = []
    for place in places[3:7]:
        tickets.ask(place, "gpu", user_id="keen")
        (run_id, stage, take) = granted(tickets, "gpu", 1)[0]
        given.append(number(run_id))
        tickets.give_back(Place(run_id, 1, stage, take))
    assert given == [0, 3, 1, 4]


def test_order_and_turns_survive_a_restart(database: Database, tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu", user_id="a")
    for place in places[4:6]:
        tickets.ask(place, "gpu", user_id="b")
    tickets.rearrange("gpu", [*tickets.listed("gpu")[-1:], *tickets.listed("gpu")[:-1]])
    before = [ticket.key for ticket in tickets.listed("gpu")]
    again = AtOnce(database, Tickets())
    for place in reversed(places[:6]):
        again.ask(place, "gpu", user_id="a" if place in places[:4] else "b")
    assert [ticket.key for ticket in again.listed("gpu")] == before
    assert order(again) == [3, 0, 4, 1, 5, 2]


def test_new_runs_of_a_user_wait_in_the_order_in_which_they_were_accepted(tickets: AtOnce, places: list[Place]) -> None:
    for n in (5, 1, 3, 2, 0, 4):
        tickets.ask(places[n], "gpu", user_id="late" if n in (1, 2) else "early")
        tickets.ask(replace(places[n], take=2), "gpu", user_id="late" if n in (1, 2) else "early")
    assert order(tickets) == [0, 1, 0, 1, 3, 2, 3, 2, 4, 4, 5, 5]


def test_after_a_kill_new_runs_go_where_they_were_accepted_and_tickets_keep_their_places(
    database: Database, tickets: AtOnce, places: list[Place]
) -> None:
    for n in (0, 1, 4, 6):
        tickets.ask(places[n], "gpu")
    first, second, fourth, sixth = tickets.listed("gpu")
    tickets.rearrange("gpu", [sixth, first, fourth, second])
    again = AtOnce(database, Tickets())
    for n in (5, 6, 3, 1, 2, 4, 0, 7):
        again.ask(places[n], "gpu")
    assert order(again) == [6, 0, 4, 1, 2, 3, 5, 7]


def test_a_new_run_does_not_go_before_one_that_was_moved_before_an_earlier_one(
    tickets: AtOnce, places: list[Place]
) -> None:
    for n in (2, 3, 4):
        tickets.ask(places[n], "gpu")
    second, third, fourth = tickets.listed("gpu")
    tickets.rearrange("gpu", [fourth, second, third])
    tickets.ask(places[1], "gpu")
    assert order(tickets) == [4, 1, 2, 3]


def test_what_a_run_asks_for_later_waits_behind_those_who_asked_before(
    journal: JournalAtOnce, tickets: AtOnce, places: list[Place]
) -> None:
    for place in places[:2]:
        journal.begin_attempt(replace(place, attempt=1), backend="gpu")
    tickets.ask(places[3], "gpu")
    tickets.ask(places[0], "gpu")
    tickets.ask(places[2], "gpu")
    tickets.ask(places[1], "gpu")
    assert order(tickets) == [2, 0, 3, 1]


def test_a_paused_queue_gives_no_new_turn_and_takes_none_away(
    database: Database, tickets: AtOnce, places: list[Place]
) -> None:
    for place in places[:3]:
        tickets.ask(place, "gpu")
    assert held(tickets) == {0, 1}
    tickets.pause("gpu")
    tickets.give_back(places[0])
    assert held(AtOnce(database, Tickets())) == {1}
    tickets.pause()
    tickets.resume("gpu")
    assert tickets.paused() == {ALL}
    assert held(tickets) == {1}
    tickets.pause("gpu")
    tickets.resume()
    assert held(tickets) == {1, 2}


def test_who_was_moved_is_obeyed_and_who_has_a_turn_keeps_it(tickets: AtOnce, places: list[Place]) -> None:
    for place in places[:4]:
        tickets.ask(place, "gpu")
    assert held(tickets, at_once=1) == {0}
    waiting = tickets.listed("gpu")[1:]
    tickets.rearrange("gpu", [waiting[2], waiting[0], waiting[1]])
    tickets.ask(places[4], "gpu", user_id="other")
    assert order(tickets) == [0, 3, 4, 1, 2]


def test_a_walk_that_lost_its_run_does_not_give_back_the_ticket(
    journal: JournalAtOnce, tickets: AtOnce, places: list[Place]
) -> None:
    tickets.ask(places[0], "gpu")
    generation = journal.begin_run(places[0].run_id).generation
    tickets.give_back(places[0])
    assert held(tickets) == {0}
    tickets.give_back(replace(places[0], generation=generation))
    assert held(tickets) == set()


def test_every_change_of_a_queue_takes_its_row_first(database: Database, tickets: AtOnce, places: list[Place]) -> None:
    """On PostgreSQL that row is what keeps two processes from granting the same turn."""
    changes = []
    for name, *values in (("ask", places[0], "gpu"), ("grant", "gpu", 1), ("rearrange", "gpu", []), ("pause", "gpu")):
        getattr(tickets, name)(*values)
        changes.append(rows(database, "SELECT changes FROM queues WHERE backend = 'gpu'")[0]["changes"])
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
        tickets.ask(place, "gpu", held=True)
    assert not tickets.give_back_ended(replace(ended, generation=7))
    assert tickets.give_back_ended(places[0])
    assert {stage for _, (_, stage, _) in tickets.held()} == {"running", "fresh"}
