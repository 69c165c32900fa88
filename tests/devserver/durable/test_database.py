from __future__ import annotations

import os
import re
import resource
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devserver.durable import database as port
from devserver.durable.database import Database, open_database, table_files
from devserver.errors import DatabaseGone, OldJournal
from tests.doubles.postgres import Postgres


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


def add(database: Database, file: str) -> None:
    with database.transaction() as db:
        db.execute("INSERT INTO sent_files (backend, file, name) VALUES (?, ?, '50 %')", ("gpu", file))


def files(database: Database) -> list[str]:
    return [row["file"] for row in database.rows("SELECT file FROM sent_files ORDER BY file")]


def test_what_is_committed_is_read_on_every_thread_and_after_it_is_opened_again(where: Path | str) -> None:
    database = open_database(where)
    add(database, "a")
    seen: list[list[str]] = []
    thread = threading.Thread(target=lambda: seen.append(files(database)))
    thread.start()
    thread.join()
    database.close()
    again = open_database(where)
    assert seen == [files(again)] == [["a"]]
    again.close()


def test_of_a_transaction_that_breaks_off_nothing_stays_and_the_next_one_goes_on(database: Database) -> None:
    def break_off() -> None:
        with database.transaction() as db:
            db.execute("INSERT INTO sent_files (backend, file, name) VALUES (?, ?, ?)", ("gpu", "a", "x"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    add(database, "b")
    assert files(database) == ["b"]


def test_nobody_reads_what_is_not_committed(database: Database) -> None:
    with database.transaction() as db:
        db.execute("INSERT INTO sent_files (backend, file, name) VALUES (?, ?, ?)", ("gpu", "a", "x"))
        assert files(database) == []
    assert files(database) == ["a"]


def test_rows_are_read_by_name_and_per_cents_and_counts_are_as_written(database: Database) -> None:
    add(database, "a")
    row = database.rows("SELECT * FROM sent_files WHERE name LIKE '50 %' AND file = ?", "a")[0]
    assert dict(row) == {"backend": "gpu", "file": "a", "name": "50 %"}
    with database.transaction() as db:
        assert db.execute("UPDATE sent_files SET name = ? WHERE backend = ?", ("y", "gpu")).rowcount == 1
        assert db.execute("SELECT name FROM sent_files FOR UPDATE SKIP LOCKED").fetchone()["name"] == "y"


def test_the_clock_of_the_database_goes_on_within_a_transaction(database: Database) -> None:
    with database.transaction() as db:
        first, second = (db.execute("SELECT epoch_now() AS now").fetchone()["now"] for _ in range(2))
    assert isinstance(first, float)
    assert first < second


def test_many_threads_write_and_nothing_is_lost(database: Database) -> None:
    def write(name: int) -> None:
        for number in range(20):
            add(database, f"{name} {number:02d}")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(database)) == 80


def test_each_file_of_tables_is_applied_once_and_in_order(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(port.TABLES, folder)
    monkeypatch.setattr(port, "TABLES", folder)
    open_database(where).close()
    (folder / "1001_second.sql").write_text("INSERT INTO sent_files VALUES ('gpu', 'second', 'x');", "utf8")
    (folder / "1000_first.sql").write_text(
        "DELETE FROM sent_files; INSERT INTO sent_files VALUES ('gpu', 'first', 'x')"
    )
    for kind in ("sqlite", "postgres"):
        (folder / f"1002_own.{kind}.sql").write_text(f"INSERT INTO sent_files VALUES ('gpu', '{kind}', 'x')")
    for _ in range(2):
        opened = open_database(where)
        found = files(opened)
        opened.close()
    kind = "sqlite" if isinstance(where, Path) else "postgres"
    assert found == sorted(["first", "second", kind])


def test_a_file_of_tables_that_is_wrong_leaves_nothing_of_itself(
    where: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tables"
    shutil.copytree(port.TABLES, folder)
    monkeypatch.setattr(port, "TABLES", folder)
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


def test_a_journal_from_before_the_numbers_is_refused_with_what_to_do(where: Path | str) -> None:
    opened = open_database(where)
    with opened.transaction() as db:
        db.execute("DELETE FROM applied_tables")
    opened.close()
    with pytest.raises(OldJournal, match="doctor --rebuild"):
        open_database(where)


def test_a_restarted_server_is_connected_to_again_and_what_was_open_is_told(postgres: Postgres) -> None:
    database = open_database(postgres.new_database())
    add(database, "a")
    assert files(database) == ["a"]

    def break_off() -> None:
        with database.transaction() as db:
            db.execute("INSERT INTO sent_files (backend, file, name) VALUES ('gpu', 'half', 'x')")
            postgres.stop()
            db.execute("INSERT INTO sent_files (backend, file, name) VALUES ('gpu', 'rest', 'x')")

    try:
        with pytest.raises(DatabaseGone, match=r"The database postgresql://127.0.0.1:\d+/test_\d+ does not answer: "):
            break_off()
        with pytest.raises(DatabaseGone):
            add(database, "b")
        with pytest.raises(DatabaseGone):
            files(database)
    finally:
        postgres.start()
    assert files(database) == ["a"]
    add(database, "c")
    assert files(database) == ["a", "c"]
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


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Let this process open nothing more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 8, limits[1]))
    try:
        while True:
            taken.append(os.dup(taken[0]))
    except OSError:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in taken:
            os.close(descriptor)


def test_a_thread_that_can_open_no_connection_reads_all_the_same(tmp_path: Path) -> None:
    opened = open_database(tmp_path / "journal.sqlite")
    add(opened, "a")
    found: list[list[str]] = []
    with no_descriptor_left():
        reading = threading.Thread(target=lambda: found.append(files(opened)))
        reading.start()
        reading.join()
    opened.close()
    assert found == [["a"]]
