from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.model.rows import Place
from devserver.queueing.deciding import Decider
from devserver.queueing.demand import Demand
from devserver.queueing.expected import Expected
from devserver.queueing.queue import Limits, MoveRequest, Queue
from devserver.queueing.tickets import Work
from devserver.queueing.turns import Turns
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.at_once import AtOnce, JournalAtOnce
from tests.doubles.hand import Hand
from tests.doubles.pools import add_backend

WORK = Work("song", "a", 10)
SONG = demand()


def run_id(number: int) -> str:
    return f"20300101-000000-{number:08x}"


@pytest.fixture
def expected(decider: Decider, pool: Pool, clock: Hand) -> Expected:
    add_backend(pool, classes=classes("song"))
    decider.know(SONG)
    return Expected(decider, clock)


@pytest.fixture
def queue(database: Database, pool: Pool, expected: Expected, bus: Bus) -> Queue:
    turns = Turns(database, expected, expected.decider)
    return Queue(database, pool, turns, expected, bus, limits=Limits(4, 3))


def add(journal: JournalAtOnce, expected: Expected, number: int, user_id: str = "ada", wanted: Demand = SONG) -> str:
    """A run that waits, called by its number."""
    run = run_id(number)
    created = f"2030-01-01T00:00:0{number}.000Z"
    values: dict[str, Any] = {
        "title": f"run {number}",
        "schema": "plain",
        "output_config": "o",
        "plan": "{}",
        "created_at": created,
    }
    journal.add_run(run, user_id=user_id, **values)
    place = Place(run, 0, "generation", 1)
    expected.decider.know(wanted)
    AtOnce(journal.database, expected.tickets).ask(place, user_id=user_id, work=WORK, demand=wanted.digest)
    expected.read_again()
    return run


def bind(queue: Queue, number: int) -> None:
    """Give a run its turn."""
    AtOnce(queue._db, queue._tickets).bind((run_id(number), "generation", 1), "gpu", "a", "placed_alone")
    queue.expected.read_again()


def order(queue: Queue) -> list[int]:
    return [int(ticket.run_id[-8:], 16) for ticket in AtOnce(queue._db, queue._tickets).listed()]


def of_run(queue: Queue, number: int) -> Any:
    return AtOnce(queue._db, queue).of_run(run_id(number))


def learn(queue: Queue, times: int) -> None:
    for number in range(times):
        place = Place(f"old {number}", 1, "generation", 1)
        AtOnce(queue._db, queue.expected.durations).learn(place, WORK, "gpu", 20.0, loaded=True)
    queue.expected.durations.read_again()
    queue.expected.read_again()


async def move(queue: Queue, number: int, viewer: str | None, **to: object) -> dict[str, object]:
    return await queue.move(MoveRequest.model_validate({"run_id": run_id(number), **to}), viewer)


async def test_of_others_only_their_places_are_told(queue: Queue, journal: JournalAtOnce, expected: Expected) -> None:
    for number, user in enumerate(["ada", "bob", "ada"]):
        add(journal, expected, number, user)
    shown = await queue.overview("ada")
    for waiting in (shown["waiting"], shown["backends"][0]["waiting"]):
        assert [(one["position"], one["own"], one.get("title")) for one in waiting] == [
            (1, True, "run 0"),
            (2, False, None),
            (3, True, "run 2"),
        ]
        about = {"position", "priority", "eta", "expected_backend", "why", "why_code", "own"}
        assert set(waiting[1]) - {"may"} == about
    assert [one["user"] for one in (await queue.overview(None))["waiting"]] == ["ada", "bob", "ada"]


async def test_the_queue_says_where_each_is_expected_and_why(
    queue: Queue, journal: JournalAtOnce, expected: Expected, pool: Pool
) -> None:
    add_backend(pool, "slow", classes=classes("song", "film"))
    learn(queue, 5)
    for number, wanted in enumerate([SONG, SONG, demand("film"), demand("text")]):
        add(journal, expected, number, wanted=wanted)
    bind(queue, 0)
    shown = await queue.overview(None)
    waiting = [(one["may"], one["expected_backend"], one["why_code"]) for one in shown["waiting"]]
    assert waiting == [(["gpu", "slow"], "gpu", "placed_faster"), (["slow"], "slow", "placed_alone"), ([], None, "")]
    assert "gpu" in shown["waiting"][0]["why"]
    held = {one["name"]: (len(one["held"]), len(one["waiting"])) for one in shown["backends"]}
    assert held == {"gpu": (1, 1), "slow": (0, 1)}
    assert (shown["backends"][0]["held"][0]["why_code"], shown["waiting_total"]) == ("placed_alone", 3)
    await queue.pause(None)
    shown = await queue.overview(None)
    assert [one["expected_backend"] for one in shown["waiting"]] == ["gpu", "slow", None], "as without the pause"
    assert [one["eta"] for one in shown["waiting"]] == [None] * 3


async def test_a_user_moves_among_the_own_places_and_an_admin_among_all(
    queue: Queue, journal: JournalAtOnce, expected: Expected
) -> None:
    for number, user in enumerate(["ada", "bob", "ada", "bob", "ada"]):
        add(journal, expected, number, user)
    assert order(queue) == [0, 1, 2, 3, 4]
    told = await move(queue, 4, "ada", to="front")
    assert order(queue) == [4, 1, 0, 3, 2]
    assert told["queue"] == {"backend": "gpu", "position": 1, "waiting": 5, "paused": False}
    await move(queue, 4, "ada", to="back")
    assert order(queue) == [0, 1, 2, 3, 4]
    await move(queue, 3, None, to="front")
    assert order(queue) == [3, 0, 1, 2, 4]
    await move(queue, 4, None, before=run_id(1))
    assert order(queue) == [3, 0, 4, 1, 2]
    await move(queue, 3, None, position=4)
    assert order(queue) == [0, 4, 1, 3, 2]
    await move(queue, 0, None, position=99)
    assert order(queue) == [4, 1, 3, 2, 0]


async def test_what_has_its_turn_is_not_moved_and_nothing_goes_before_it(
    queue: Queue, journal: JournalAtOnce, expected: Expected
) -> None:
    for number in range(3):
        add(journal, expected, number)
    bind(queue, 0)
    with pytest.raises(InputError, match="already at its backend") as refused:
        await move(queue, 0, "ada", to="back")
    assert refused.value.status == 409
    with pytest.raises(InputError, match="nothing can go before it"):
        await move(queue, 2, "ada", before=run_id(0))
    add(journal, expected, 3, "bob")
    with pytest.raises(InputError, match="You have no waiting run") as refused:
        await move(queue, 2, "ada", before=run_id(3))
    assert refused.value.status == 404
    assert order(queue) == [0, 1, 3, 2]


async def test_a_run_is_moved_before_any_other_whatever_each_waits_for(
    queue: Queue, journal: JournalAtOnce, expected: Expected, pool: Pool
) -> None:
    add_backend(pool, "cpu", classes=classes("film"))
    for number, wanted in enumerate([SONG, demand("film"), SONG]):
        add(journal, expected, number, wanted=wanted)
    await move(queue, 2, "ada", before=run_id(1))
    assert order(queue) == [0, 2, 1]
    assert [ticket.moved for ticket in AtOnce(queue._db, queue._tickets).listed()] == [False, True, False]


async def test_what_has_ended_or_waits_nowhere_is_not_moved(
    queue: Queue, journal: JournalAtOnce, expected: Expected
) -> None:
    add(journal, expected, 0)
    AtOnce(queue._db, queue._tickets).give_back(Place(run_id(0), 0, "generation", 1))
    with pytest.raises(InputError, match="is not waiting for a backend"):
        await move(queue, 0, "ada", to="front")
    place = Place(run_id(0), journal.begin_run(run_id(0)).generation)
    journal.end_run(place, "cancelled", "2030-01-01T00:01:00.000Z", None)
    with pytest.raises(InputError, match="ended already: cancelled"):
        await move(queue, 0, "ada", to="front")


async def test_a_full_queue_says_when_to_ask_again(queue: Queue, journal: JournalAtOnce, expected: Expected) -> None:
    def accept(number: int, user_id: str) -> None:
        room = partial(queue.check_room, user_id=user_id)
        given: dict[str, Any] = {
            "title": "x",
            "schema": "plain",
            "output_config": "o",
            "plan": "{}",
            "created_at": "2030-01-01T00:00:09.000Z",
        }
        journal.add_run(run_id(number), user_id=user_id, together=room, **given)

    for number in range(3):
        add(journal, expected, number)
    with pytest.raises(InputError, match="You have 3 unfinished runs") as refused:
        accept(3, "ada")
    assert (refused.value.status, refused.value.code, refused.value.retry_after_s) == (429, "queue_full", 5.0)
    accept(3, "bob")
    with pytest.raises(InputError, match="The queue is full: 4 runs") as refused:
        accept(4, "eve")
    learn(queue, 10)
    with pytest.raises(InputError) as refused:
        accept(4, "ada")
    assert refused.value.retry_after_s is not None
    assert 20 < refused.value.retry_after_s < 40


async def test_times_add_up_in_the_order_of_the_queue_and_stop_where_it_is_paused(
    queue: Queue, journal: JournalAtOnce, expected: Expected
) -> None:
    for number in range(3):
        add(journal, expected, number)
    assert of_run(queue, 2).eta is None
    learn(queue, 20)
    etas = [of_run(queue, number).eta for number in range(3)]
    for number, eta in enumerate(etas, 1):
        assert eta.low_seconds < 20 * number < eta.high_seconds < 1.5 * 20 * number
        assert eta.samples == 20
    bind(queue, 0)
    await queue.pause(None)
    assert of_run(queue, 0).eta is not None
    assert of_run(queue, 1).as_json() == {
        "queue": {"backend": "gpu", "position": 1, "waiting": 2, "paused": True},
        "eta": None,
    }
    await queue.resume(None)
    assert of_run(queue, 1).eta is not None


async def test_only_a_backend_that_is_there_is_paused(queue: Queue, journal: JournalAtOnce, expected: Expected) -> None:
    add(journal, expected, 0)
    with pytest.raises(InputError, match="no such backend") as refused:
        await queue.pause("tpu")
    assert (refused.value.status, refused.value.allowed) == (404, ["gpu"])
    await queue.pause("gpu")
    assert AtOnce(queue._db, queue._tickets).paused() == {"gpu"}
