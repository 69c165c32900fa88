from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devserver.durable.database import READERS, Database
from devserver.durable.lanes import Lane
from devserver.durable.opening import open_database
from devserver.durable.patience import patience
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from tests.devserver.durable.sent import ADD, add, files, listed
from tests.patience import PATIENCE_S


@pytest.fixture
def database(where: Path | str) -> Iterator[Database]:
    opened = open_database(where)
    yield opened
    opened.close()


async def test_what_is_committed_is_read_at_once_by_a_door_and_after_it_is_opened_again(where: Path | str) -> None:
    database = open_database(where)
    await add(database, "a")
    with database.door() as door:
        assert door.read(listed) == await files(database) == ["a"]
        door.write(lambda tx: tx.execute(ADD, ("gpu", "b")))
    database.close()
    again = open_database(where)
    assert await files(again) == ["a", "b"]
    again.close()


async def test_of_a_transaction_that_breaks_off_nothing_stays_and_the_next_one_goes_on(database: Database) -> None:
    def break_off(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "a"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(break_off)
    await add(database, "b")
    assert await files(database) == ["b"]


async def test_nobody_reads_what_is_not_committed(database: Database) -> None:
    added, may_end = threading.Event(), threading.Event()

    def add_slowly(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "a"))
        added.set()
        may_end.wait(PATIENCE_S)

    writing = asyncio.create_task(database.write(add_slowly))
    await asyncio.to_thread(added.wait, PATIENCE_S)
    assert await files(database) == []
    may_end.set()
    await writing
    assert await files(database) == ["a"]


async def test_rows_are_read_by_name_and_per_cents_and_counts_are_as_written(database: Database) -> None:
    await add(database, "a")
    sql = "SELECT * FROM sent_files WHERE name LIKE '50 %' AND file = $1"
    row = (await database.read(lambda tx: tx.rows(sql, "a")))[0]
    assert dict(row) == {"backend": "gpu", "file": "a", "name": "50 %"}

    def change(tx: Transaction) -> None:
        assert tx.execute("UPDATE sent_files SET name = $1 WHERE backend = $2", ("y", "gpu")).rowcount == 1
        held = f"SELECT name FROM sent_files{tx.dialect.for_update}{tx.dialect.skip_held}"
        assert tx.rows(held)[0]["name"] == "y"

    await database.write(change)


async def test_a_value_may_stand_several_times_and_in_any_order(database: Database) -> None:
    sql = "SELECT CAST($2 AS TEXT) AS second, CAST($1 AS TEXT) AS first, CAST($2 AS TEXT) AS again"
    row = (await database.read(lambda tx: tx.rows(sql, "a", "b")))[0]
    assert dict(row) == {"second": "b", "first": "a", "again": "b"}


async def test_the_clock_of_the_database_goes_on_within_a_transaction(database: Database) -> None:
    sql = "SELECT epoch_now() AS now"
    first, second = await database.write(lambda tx: [tx.rows(sql)[0]["now"] for _ in range(2)])
    assert isinstance(first, float)
    assert first < second


async def test_what_was_committed_is_told_in_order_also_where_the_caller_is_cancelled(database: Database) -> None:
    told: list[str] = []
    names = [f"{number:02d}" for number in range(20)]

    def adding(name: str) -> asyncio.Task[str]:
        def write(tx: Transaction) -> str:
            tx.execute(ADD, ("gpu", name))
            return name

        return asyncio.create_task(database.write(write, told.append))

    tasks = [adding(name) for name in names]
    await asyncio.sleep(0)
    tasks[3].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done.pop(3), asyncio.CancelledError)
    assert told == names == await files(database)
    assert done == [name for name in names if name != "03"]


async def stuck_for(lane: Lane, seconds: float) -> None:
    while lane.stuck_s < seconds:  # noqa: ASYNC110 - nothing but time makes it so
        await asyncio.sleep(0.01)


async def test_who_has_no_patience_left_is_told_so_and_what_he_asked_for_is_not_written(database: Database) -> None:
    begun, may_end = threading.Event(), threading.Event()

    def wait(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "begun"))
        begun.set()
        may_end.wait(PATIENCE_S)

    with patience(0.2):
        stuck = asyncio.create_task(database.write(wait))
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        queued = asyncio.create_task(add(database, "queued"))
        outcomes = await asyncio.gather(stuck, queued, return_exceptions=True)
        await stuck_for(database._writing, 0.2)
        with pytest.raises(DatabaseGone, match="it has given no answer for"):
            await add(database, "too many")
    assert [type(outcome) for outcome in outcomes] == [DatabaseGone, DatabaseGone]
    assert "no answer came within 0.2 s" in str(outcomes[0])
    patient = asyncio.create_task(add(database, "patient"))
    while not (problem := database.silence()):  # noqa: ASYNC110 - nothing but time makes it so
        await asyncio.sleep(0.1)
    assert problem.startswith(f"the database {database.name} has not answered for ")
    may_end.set()
    await patient
    assert await files(database) == ["patient"]
    assert not database.silence()


async def test_frozen_readers_are_few_and_those_who_come_then_are_told_at_once(database: Database) -> None:
    begun, may_end = threading.Semaphore(0), threading.Event()

    def wait(_tx: Transaction) -> None:
        begun.release()
        may_end.wait(PATIENCE_S)

    with patience(0.2):
        stuck = [asyncio.create_task(database.read(wait)) for _ in range(2 * READERS)]
        for _ in range(READERS):
            await asyncio.to_thread(begun.acquire)
        outcomes = await asyncio.gather(*stuck, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {DatabaseGone}
        await stuck_for(database._reading, 0.2)
        with pytest.raises(DatabaseGone, match="it has given no answer for"):
            await files(database)
    may_end.set()
    assert await files(database) == []
    assert not begun.acquire(blocking=False)  # whom nobody waited for any more was not begun


async def test_from_a_shortened_patience_on_nobody_waits_longer(database: Database) -> None:
    may_end = threading.Event()
    waiting = asyncio.create_task(database.read(lambda _: may_end.wait(PATIENCE_S)))
    await asyncio.sleep(0)
    database.shorten(0.1)
    with pytest.raises(DatabaseGone):
        await waiting
    may_end.set()
