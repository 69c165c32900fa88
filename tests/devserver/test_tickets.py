from __future__ import annotations

import pytest

from devserver.database import Database
from devserver.journal import Journal, Place
from devserver.tickets import Tickets
from tests.devserver.plans import add_run


@pytest.fixture
def places(journal: Journal) -> list[Place]:
    return [Place(add_run(journal, f"20240131-23595{n}-00000000").run_id, 1, "generation", 1) for n in range(4)]


def held(tickets: Tickets, at_once: int = 2, backend: str = "gpu") -> set[str]:
    return {run_id[14] for run_id, _, _ in tickets.grant(backend, at_once)}


def test_tickets_are_granted_in_the_order_in_which_they_were_asked_for(database: Database, places: list[Place]) -> None:
    tickets = Tickets(database)
    for place in places:
        tickets.ask(place, "gpu")
    assert held(tickets) == {"0", "1"}
    tickets.give_back(places[0])
    assert held(tickets) == {"1", "2"}


def test_a_higher_priority_goes_first_but_takes_nothing_away(database: Database, places: list[Place]) -> None:
    tickets = Tickets(database)
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {"0"}
    tickets.ask(places[1], "gpu")
    tickets.ask(places[2], "gpu", priority=5)
    assert held(tickets, at_once=1) == {"0"}
    tickets.give_back(places[0])
    assert held(tickets, at_once=1) == {"2"}


def test_asking_again_keeps_the_place_and_another_backend_does_not(database: Database, places: list[Place]) -> None:
    tickets = Tickets(database)
    for place in places[:2]:
        tickets.ask(place, "gpu")
    assert held(tickets, at_once=1) == {"0"}
    tickets.ask(places[0], "gpu")
    assert held(tickets, at_once=1) == {"0"}
    tickets.ask(places[0], "cpu")
    assert held(tickets, at_once=1) == {"1"}
    assert held(tickets, backend="cpu") == {"0"}
