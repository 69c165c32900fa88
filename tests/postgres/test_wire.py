"""What two processes over one database hear of each other; each is here a database connection and a bus of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest

from devserver.durable import postgres as database_postgres
from devserver.durable.bus import Bus, Lagged, Subscription
from devserver.durable.journal import Journal
from devserver.durable.opening import open_database
from devserver.durable.wire import Wire
from devserver.model.events import Event, Preview, Progress, RunWarning
from devserver.model.server import BackendState, QueueState
from devserver.queueing.tickets import Tickets
from devserver.system.clock import Clock
from tests.devserver.plans import add_a_run
from tests.doubles.postgres import Postgres
from tests.patience import PATIENCE_S

SLOW_COMMITS = """
CREATE FUNCTION sleep() RETURNS TRIGGER LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION sleep();
"""


@dataclass
class Process:
    journal: Journal
    bus: Bus


@asynccontextmanager
async def process(url: str, name: str) -> AsyncIterator[Process]:
    database, bus = open_database(url), Bus(Clock())
    journal = Journal(database, Clock(), bus, name)
    wire = Wire(database, journal, bus)
    await wire.start()
    yield Process(journal, bus)
    await wire.stop()
    database.close()


@pytest.fixture
async def two(url: str) -> AsyncIterator[list[Process]]:
    async with process(url, "a") as first, process(url, "b") as second:
        yield [first, second]


async def heard(subscription: Subscription, count: int) -> list[Event]:
    found: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < count:
            event = await anext(subscription)
            assert not isinstance(event, Lagged)
            found.append(event)
    return found


async def test_what_is_told_and_not_stored_is_heard_by_both_once(two: list[Process]) -> None:
    listening = [one.bus.subscribe() for one in two]
    two[0].bus.tell("20240131-235959-1f2e3d4c", Progress(value=0.5), stage="generation", take=1)
    two[0].bus.tell(None, QueueState(waiting=3))
    two[1].bus.tell(None, BackendState(name="x"))
    kinds = [sorted(event.kind for event in await heard(one, n)) for one, n in zip(listening, (3, 2), strict=True)]
    assert kinds == [["backend", "progress", "queue"], ["backend", "progress"]]


async def test_what_is_too_long_for_a_message_is_left_out_and_the_next_one_comes(two: list[Process]) -> None:
    listening = two[1].bus.subscribe()
    two[0].bus.tell("r", Preview(image_base64="x" * 9000))
    two[0].bus.tell("r", Progress(value=1))
    assert [event.kind for event in await heard(listening, 1)] == ["progress"]


@pytest.fixture
def never_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing makes up for a message that is missing or comes too early."""
    monkeypatch.setattr(database_postgres, "LOOK_S", 10 * PATIENCE_S)


@pytest.mark.usefixtures("never_looking")
async def test_events_of_many_writers_are_heard_by_both_in_the_order_of_their_commits(url: str) -> None:
    """A number that was given before another is committed before it, so none comes late and is passed over."""
    async with process(url, "a") as first, process(url, "b") as second:
        await many_writers([first, second])


@pytest.mark.usefixtures("never_looking")
async def test_a_new_run_a_cancel_and_a_turn_are_told_to_the_others(url: str) -> None:
    told: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
    database = open_database(url)
    listening = await database.listen(["runs", "cancel", "tickets"], lambda topic, text: told.put_nowait((topic, text)))
    assert listening is not None
    async with process(url, "a") as first:
        place = await add_a_run(first.journal)
        await first.journal.write(lambda writing: writing.ask_cancel(place.run_id))
        tickets, take = Tickets(), replace(place, stage="generation", take=1)
        await first.journal.database.write(lambda tx: tickets.ask(tx, take))
        heard_of: set[tuple[str, str]] = set()
        while not heard_of >= {("runs", ""), ("cancel", place.run_id), ("tickets", "")}:
            heard_of.add(await asyncio.wait_for(told.get(), PATIENCE_S))
    await listening.close()
    database.close()


@pytest.mark.usefixtures("never_looking")
async def test_what_takes_long_to_be_committed_is_told_after_that(url: str) -> None:
    async with process(url, "a") as first, process(url, "b") as second:
        with psycopg.connect(url) as connection:
            connection.execute(SLOW_COMMITS)
        listening = second.bus.subscribe()
        await add_a_run(first.journal)
        assert [event.kind for event in await heard(listening, 2)] == ["run.queued", "run.started"]


async def many_writers(two: list[Process]) -> None:
    listening = [one.bus.subscribe() for one in two]
    writers, each = 4, 25

    async def write(number: int) -> None:
        journal = two[number % 2].journal
        place = await add_a_run(journal, f"20240131-235959-0000000{number}")
        for index in range(each):
            await journal.add_event(place, RunWarning(code=str(index)), key=str(index))

    await asyncio.gather(*(write(number) for number in range(writers)))
    found = [await heard(one, writers * (each + 2)) for one in listening]
    numbers = [[event.seq for event in events] for events in found]
    assert numbers[0] == numbers[1] == list(range(1, writers * (each + 2) + 1))


async def test_after_a_restart_of_the_database_what_was_missed_is_heard(postgres: Postgres) -> None:
    url = postgres.new_database()
    async with process(url, "a") as first, process(url, "b") as second:
        listening = second.bus.subscribe()
        place = await add_a_run(first.journal)
        await heard(listening, 2)
        await asyncio.to_thread(postgres.stop)
        await asyncio.to_thread(postgres.start)
        await first.journal.add_event(place, RunWarning(code="after"))
        assert [event.data for event in await heard(listening, 1)] == [RunWarning(code="after")]
