"""The database as one file, in WAL: one connection writes, and those that read wait for nobody."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from devserver.durable.database import Database
from devserver.durable.lanes import Door, Job, Session
from devserver.durable.sql import Dialect
from devserver.errors import DatabaseGone
from devserver.errors.disk import JournalFault, JournalGone

BUSY_MS: Final = 500  # after so long with another's lock it is looked whether somebody still waits
SETTINGS: Final = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}")
PRIMARY_CODE: Final = 0xFF  # of SQLite's extended result codes
DISK_FAULTS: Final = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}


def disk_fault(error: sqlite3.Error) -> JournalFault | None:
    """Return the disk's fault behind an error of SQLite; None where the disk has none."""
    number = DISK_FAULTS.get(getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE)
    return JournalFault(number, str(error)) if number is not None else None


LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class SqliteSession(Session):
    def __init__(self, connection: sqlite3.Connection) -> None:
        self.dialect = SqliteDatabase.dialect
        self._connection = connection

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:
        named = {str(number): value for number, value in enumerate(values, 1)}
        try:
            return self._connection.execute(sql, named)
        except sqlite3.Error as e:
            raise disk_fault(e) or e from e

    @property
    def lost(self) -> bool:
        return False

    def begin(self, job: Job[Any]) -> None:
        """Take the write lock, which a program beside us may hold, for as long as somebody waits for that."""
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as e:
                if e.sqlite_errorcode & PRIMARY_CODE not in LOCKED:
                    raise disk_fault(e) or e from e
                if not job.wanted:
                    raise DatabaseGone("another program holds the write lock of the journal") from e
            else:
                return

    def commit(self) -> None:
        self.execute("COMMIT")

    def roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite has rolled back itself where its disk was full
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class SqliteDatabase(Database):
    """SQLite in WAL. The folder that it lies in is locked, so that no other server writes."""

    shared: ClassVar = False
    dialect: ClassVar = Dialect("sqlite", "", "", "", "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, str(path)
        try:
            self._connect("rwc").close()
        except sqlite3.Error as e:
            raise DatabaseGone(f"The journal in {path.parent.parent} cannot be used: {e}") from e
        self._file = path.stat()
        super().__init__()
        self._open()

    def _connect(self, mode: str = "rw") -> SqliteSession:
        """Connect; mode `rw` makes no new file where this one was deleted."""
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        try:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as e:
            raise disk_fault(e) or e from e
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("epoch_now", 0, time.time)
            for setting in SETTINGS:
                connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error as e:
            connection.close()
            raise disk_fault(e) or e from e
        return SqliteSession(connection)

    def door(self) -> Door:
        return Door(self._connect)

    def check_there(self) -> None:
        try:
            same = os.path.samestat(self._path.stat(), self._file)
        except FileNotFoundError:
            same = False
        if not same:
            raise JournalGone(self._path)
