from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devserver.durable import tables
from devserver.durable.database import READERS, Database
from devserver.durable.lanes import Lane
from devserver.durable.opening import open_database
from devserver.durable.patience import patience
from devserver.durable.sql import Transaction
from devserver.durable.sqlite import BUSY_MS
from devserver.durable.tables import table_files
from devserver.errors import DatabaseGone, OldJournal
from tests.doubles.postgres import Postgres
from tests.patience import PATIENCE_S


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new database may be made, of each kind: what is written once must be read by both."""
    if request.param == "sqlite":
        return tmp_path / "journal.sqlite"
    running: Postgres = request.getfixturevalue("postgres")
    return running.new_database()


@pytest.fixture
def database(where: Path | str) -> Iterator[Database]:
    opened = open_database(where)
    yield opened
    opened.close()


ADD = "INSERT INTO sent_files (backend, file, name) VALUES ($1, $2, '50 %')"


async def add(database: Database, file: str) -> None:
    await database.write(lambda tx: tx.execute(ADD, ("gpu", file)))


async def files(database: Database) -> list[str]:
    return await database.read(listed)


def listed(tx: Transaction) -> list[str]:
    return [row["file"] for row in tx.rows("SELECT file FROM sent_files ORDER BY file")]


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


async def test_a_writer_waits_for_the_lock_of_another_program_for_as_long_as_somebody_waits(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    database = open_database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with patience(0.2), pytest.raises(DatabaseGone):
        await add(database, "hasty")
    patient = asyncio.create_task(add(database, "patient"))
    await asyncio.sleep(2 * BUSY_MS / 1000)
    assert not patient.done()
    other.execute("ROLLBACK")
    await patient
    assert await files(database) == ["patient"]
    other.close()
    database.close()


async def test_each_file_of_tables_is_applied_once_and_in_order(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(tables.TABLES, folder)
    monkeypatch.setattr(tables, "TABLES", folder)
    open_database(where).close()
    (folder / "1001_second.sql").write_text("INSERT INTO sent_files VALUES ('gpu', 'second', 'x');", "utf8")
    (folder / "1000_first.sql").write_text(
        "DELETE FROM sent_files; INSERT INTO sent_files VALUES ('gpu', 'first', 'x')"
    )
    for kind in ("sqlite", "postgres"):
        (folder / f"1002_own.{kind}.sql").write_text(f"INSERT INTO sent_files VALUES ('gpu', '{kind}', 'x')")
    for _ in range(2):
        opened = open_database(where)
        found = await files(opened)
        opened.close()
    kind = "sqlite" if isinstance(where, Path) else "postgres"
    assert found == sorted(["first", "second", kind])


def test_a_file_of_tables_that_is_wrong_leaves_nothing_of_itself(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(tables.TABLES, folder)
    monkeypatch.setattr(tables, "TABLES", folder)
    (folder / "1000_wrong.sql").write_text("CREATE TABLE half (a INTEGER); CREATE TABLE half (a INTEGER);")
    with pytest.raises(Exception, match="half"):
        open_database(where)
    (folder / "1000_wrong.sql").write_text("CREATE TABLE half (a INTEGER);")
    open_database(where).close()


def test_numbers_of_files_are_taken_once_for_each_kind() -> None:
    for kind in ("sqlite", "postgres"):
        numbers = [number for number, _ in table_files(kind)]
        assert len(set(numbers)) == len(numbers)
    assert [n for n, _ in table_files("sqlite")] == [n for n, _ in table_files("postgres")]


async def test_a_journal_from_before_the_numbers_is_refused_with_what_to_do(where: Path | str) -> None:
    opened = open_database(where)
    await opened.write(lambda tx: tx.execute("DELETE FROM applied_tables"))
    opened.close()
    with pytest.raises(OldJournal, match="doctor --rebuild"):
        open_database(where)


async def test_a_restarted_server_is_connected_to_again_and_what_was_open_is_told(postgres: Postgres) -> None:
    database = open_database(postgres.new_database())
    await add(database, "a")
    assert await files(database) == ["a"]

    def break_off(tx: Transaction) -> None:
        tx.execute(ADD, ("gpu", "half"))
        postgres.stop()
        tx.execute(ADD, ("gpu", "rest"))

    try:
        with pytest.raises(DatabaseGone, match=r"The database postgresql://127.0.0.1:\d+/test_\d+ does not answer: "):
            await database.write(break_off)
        with pytest.raises(DatabaseGone):
            await add(database, "b")
        with pytest.raises(DatabaseGone):
            await files(database)
    finally:
        postgres.start()
    assert await files(database) == ["a"]
    await add(database, "c")
    assert await files(database) == ["a", "c"]
    database.close()


def test_nothing_that_is_said_of_a_database_has_its_password() -> None:
    with pytest.raises(DatabaseGone) as told:
        open_database("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(told.value)
    with pytest.raises(DatabaseGone, match="is no address that PostgreSQL reads"):
        open_database("postgresql://me:secret@[/none")


def test_without_psycopg_the_setting_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "devserver.durable.postgres", None)
    with pytest.raises(DatabaseGone, match=re.escape("pip install 'psycopg[binary]'")):
        open_database("postgresql://127.0.0.1/none")
