from __future__ import annotations

import asyncio
import errno
import sqlite3
from pathlib import Path

import pytest

from devserver.durable.opening import open_database
from devserver.durable.patience import patience
from devserver.durable.sqlite import BUSY_MS, disk_fault
from devserver.errors import DatabaseGone
from devserver.errors.disk import JournalFault, JournalGone
from tests.devserver.durable.sent import add, files


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


def test_a_deleted_file_is_noticed_and_none_is_made_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    database = open_database(path)
    database.check_there()
    path.unlink()
    with pytest.raises(JournalGone):
        database.check_there()
    with pytest.raises(JournalFault), database.door() as door:
        door.open()
    assert not path.exists()
    database.close()


def test_a_file_in_the_place_of_the_journal_is_not_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    database = open_database(path)
    path.rename(tmp_path / "moved")
    path.touch()
    with pytest.raises(JournalGone):
        database.check_there()
    database.close()


def test_a_file_that_is_no_database_is_refused_by_name_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("not a database, but something that somebody may want to keep" * 100)
    with pytest.raises(DatabaseGone, match="cannot be used: file is not a database"):
        open_database(path)
    assert path.read_text().startswith("not a database")


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(JournalFault) as caught:
        open_database(tmp_path / "no" / "journal.sqlite")
    assert caught.value.errno == errno.EACCES


@pytest.mark.parametrize(
    ("code", "number"),
    [
        (sqlite3.SQLITE_FULL, errno.ENOSPC),
        (sqlite3.SQLITE_IOERR_FSYNC, errno.EIO),
        (sqlite3.SQLITE_READONLY_DBMOVED, errno.EROFS),
        (sqlite3.SQLITE_BUSY, None),
        (sqlite3.SQLITE_CONSTRAINT, None),
    ],
)
def test_a_fault_of_the_disk_is_known_by_its_code_and_its_extended_codes(code: int, number: int | None) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    fault = disk_fault(error)
    assert (fault and fault.errno) == number
