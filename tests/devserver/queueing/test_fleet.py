"""What each backend offers and has, as a decision sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.backends.pool import Pool
from devserver.backends.sources import Use
from devserver.comfy.client import SystemStats
from devserver.durable.database import Database
from devserver.model.rows import Place as RunPlace
from devserver.queueing.breakers import FAULTS_ALLOWED
from devserver.queueing.eta import Durations
from devserver.queueing.fleet import Fleet, Seen
from devserver.queueing.seats import Place
from devserver.queueing.tickets import ALL, Ticket, Work
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.at_once import AtOnce
from tests.doubles.hand import Hand
from tests.doubles.pools import add_backend

SONG = Work("song", "a")


def learn(database: Database, durations: Durations, *seconds: float, backend: str = "gpu", loaded: bool = True) -> None:
    table = AtOnce(database, durations)
    for one in seconds:
        table.learn(RunPlace(f"old {backend} {one} {loaded}", 1), SONG, backend, one, loaded=loaded)
    durations.read_again()
    table.read()


def ticket(number: int, clock: Hand, backend: str = "gpu") -> Ticket:
    at = clock.stamp()
    return Ticket(f"run {number}", "generation", 1, backend, "ada", 0, True, SONG, at, at, 0, 0, number)


def place(fleet: Fleet, *held: Ticket, lengths: int | None = None, paused: set[str] | None = None) -> Place:
    """The place of the first backend."""
    seen = fleet.see()
    seen = replace(seen, lengths={"gpu": lengths}) if lengths is not None else seen
    return fleet.places(held, seen, paused or set())[0]


def left_s(made: Place) -> float | None:
    return round(made.left.usual, 2) if made.left is not None else None


def test_an_offer_says_how_long_it_takes_there_and_what_is_loaded_for_it(
    database: Database, pool: Pool, fleet: Fleet
) -> None:
    add_backend(pool, classes=classes("song", models=["x.safetensors"]))
    learn(database, fleet.durations, 4.0, 4.0001)
    learn(database, fleet.durations, 9.0, loaded=False)
    choices = fleet.choices(demand(variants=[("a", "x.safetensors")]), fleet.see())
    (offer,) = fleet.offers(choices, replace(SONG, variant="another"))
    assert offer.guess is not None
    assert (round(offer.guess.usual, 2), offer.guess.samples, round(offer.load_s, 2)) == (4.0, 2, 5.0)
    assert (offer.backend, offer.variant, set(offer.models)) == ("gpu", "a", {"x.safetensors"})


def test_what_is_left_of_a_take_follows_its_usual_time_until_its_progress_tells(
    database: Database, pool: Pool, fleet: Fleet, clock: Hand
) -> None:
    add_backend(pool)
    held = ticket(1, clock)
    assert left_s(place(fleet)) == 0
    assert left_s(place(fleet, held)) is None, "nothing like it was made there"
    learn(database, fleet.durations, 20.0)
    clock.forward(5)
    assert left_s(place(fleet, held)) == 15
    fleet.fractions[held.key] = 0.4
    assert left_s(place(fleet, held)) == 15, "too early to tell"
    clock.forward(5)
    fleet.fractions[held.key] = 0.5
    assert left_s(place(fleet, held)) == pytest.approx(10)
    clock.forward(10)
    assert left_s(place(fleet, held)) == pytest.approx(10, abs=0.01), "it stays at its half: twice the time"
    clock.forward(60)
    fleet.fractions.clear()
    assert left_s(place(fleet, held)) == 0


def test_behind_the_running_take_stands_what_was_handed_over(
    database: Database, pool: Pool, fleet: Fleet, clock: Hand
) -> None:
    add_backend(pool)
    learn(database, fleet.durations, 20.0)
    first = ticket(1, clock)
    clock.forward(5)
    second = ticket(2, clock)
    made = place(fleet, second, first)
    assert (made.held, left_s(made)) == (2, 15 + 20)
    clock.forward(13)
    fleet.durations.note_ended("gpu")
    clock.forward(4)
    assert left_s(place(fleet, second)) == 16, "its time runs from the end of the first"


def test_prompts_of_others_are_those_that_are_not_ours(pool: Pool, fleet: Fleet, clock: Hand) -> None:
    backend, held = add_backend(pool, state="down"), ticket(1, clock)
    fleet.given_up.note("gpu", "prompt-1")
    backend.state = "up"
    made = place(fleet, held, lengths=4)
    assert (made.held, made.strangers) == (2, 2), "what was given up fills a place, and is no stranger's"
    assert not made.accepts, "until that was tried to withdraw"
    assert fleet.with_strangers == {"gpu"}
    assert place(fleet, held, lengths=1).strangers == 0
    assert fleet.with_strangers == set()


def test_a_backend_accepts_what_is_up_and_not_paused_or_put_aside(pool: Pool, fleet: Fleet) -> None:
    backend = add_backend(pool)
    assert place(fleet).accepts
    assert not place(fleet, paused={"gpu"}).accepts
    assert not place(fleet, paused={ALL}).accepts
    assert place(fleet, paused={"another"}).accepts
    backend.state = "down"
    assert not place(fleet).accepts
    backend.state = "up"
    for number in range(FAULTS_ALLOWED + 1):
        fleet.breakers.note_failed((f"{number}", "generation", 1), "song", "gpu", "CUDA error")
        assert (place(fleet).accepts, place(fleet).ready) == (True, 0), "one place while it is under suspicion"
        fleet.breakers.note_made((f"{number}", "generation", 1), "another")
    assert not place(fleet).accepts


def test_two_backends_of_one_card_have_its_places_together(pool: Pool, fleet: Fleet, clock: Hand) -> None:
    for name in ("gpu", "too"):
        backend = add_backend(pool, name)
        backend.address = replace(backend.address, use=Use(shares="card0", running=2))
    add_backend(pool, "apart")
    made = fleet.places([ticket(1, clock, "too")], fleet.see(), ())
    assert [(one.held, one.running) for one in made] == [(1, 2), (1, 2), (0, 1)]
    assert made[0].card == made[1].card != made[2].card


def test_what_is_loaded_is_what_was_used_last_until_nobody_can_know(pool: Pool, fleet: Fleet) -> None:
    backend = add_backend(pool, classes={**classes("song", "film", models=["x", "y"]), **classes("plain")})
    (song,) = fleet.choices(demand("song", [("a", "x")]), fleet.see())
    (film,) = fleet.choices(demand("film", [("a", "y")]), fleet.see())
    (plain,) = fleet.choices(demand("plain"), fleet.see())
    assert place(fleet).loaded is None
    assert not fleet.has_loaded(song)
    assert fleet.has_loaded(plain), "it has nothing to load"
    fleet.note_used(song)
    fleet.note_used(plain)
    assert place(fleet).loaded == frozenset({"x"})
    assert fleet.has_loaded(song)
    assert not fleet.has_loaded(film)
    assert place(fleet, lengths=1).loaded is None, "others may have loaded theirs"
    backend.follower.connections += 1
    assert place(fleet).loaded is None, "it may have been restarted"
    fleet.note_used(film)
    fleet.forget_loaded("gpu")
    assert place(fleet).loaded is None


def test_how_long_it_is_idle(pool: Pool, fleet: Fleet, clock: Hand) -> None:
    add_backend(pool)
    place(fleet)
    clock.forward(30)
    assert place(fleet).idle_s == 30
    fleet.note_idle("gpu")
    assert place(fleet).idle_s == 0


def test_a_device_is_another_one_when_its_card_or_version_is(pool: Pool, fleet: Fleet) -> None:
    backend, told = add_backend(pool), []
    for name, free, version in (("4090", 1, "1"), ("4090", 2, "1"), ("5090", 2, "1"), ("5090", 2, "2")):
        backend.stats = SystemStats(versions={"comfyui": version}, devices=({"name": name, "vram_free": free},))
        fleet.see()
        told.append(fleet.durations.devices["gpu"])
    assert told[0] == told[1]
    assert len(set(told)) == 3


def test_under_eco_a_run_stays_on_this_machine(pool: Pool, fleet: Fleet) -> None:
    add_backend(pool, "here")
    add_backend(pool, "away", url="http://studio:8188")
    seen: Seen = fleet.see()
    assert [one.name for one in seen.allowed(replace(demand(), execution_mode="eco"))] == ["here"]
    assert [one.name for one in seen.allowed(demand())] == ["here", "away"]
