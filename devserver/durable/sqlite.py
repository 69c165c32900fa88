"""The database as one file: one writing connection behind one lock, and a reading one for each thread."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

from devserver.disk import JournalGone
from devserver.durable.database import Database, Row, table_files
from devserver.errors import OldJournal

# One writer at a time holds every row anyway.
HOLDING: Final = re.compile(r" FOR (?:UPDATE|SHARE)(?: SKIP LOCKED)?\b")


@lru_cache(maxsize=512)
def without_holding(sql: str) -> str:
    """The statement without the words that hold rows against other processes."""
    return HOLDING.sub("", sql)


log = logging.getLogger(__name__)
_execute: Final = sqlite3.Connection.execute


class _Connection(sqlite3.Connection):
    def execute(self, sql: str, values: Sequence[Any] = (), /) -> sqlite3.Cursor:  # type: ignore[override] # fewer kinds of values
        return _execute(self, without_holding(sql), values)


class SqliteDatabase(Database):
    """SQLite in WAL. The folder that it lies in is locked, so that no other process writes."""

    shared: ClassVar = False

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._opened: list[_Connection] = []
        self._own = threading.local()
        self._connection = self._open()
        self._file = self._path.stat()
        try:
            self._make_tables()
        except BaseException:  # whoever gets no database cannot close it
            self.close()
            raise

    def _open(self, mode: str = "rwc") -> _Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("epoch_now", 0, time.time)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        self._opened.append(connection)
        return connection

    def _make_tables(self) -> None:
        """Apply the files of `tables/` that this journal has not seen yet, in the order of their numbers."""
        self._connection.execute("CREATE TABLE IF NOT EXISTS applied_tables (number INTEGER PRIMARY KEY)")
        if self.rows("SELECT 1 FROM sqlite_master WHERE name = 'runs'") and not self.rows(
            "SELECT 1 FROM applied_tables"
        ):
            raise OldJournal(str(self._path))
        applied = {row["number"] for row in self._connection.execute("SELECT number FROM applied_tables")}
        for number, file in table_files("sqlite"):
            if number not in applied:
                self._connection.executescript(f"BEGIN IMMEDIATE;\n{file.read_text('utf8')}")
                self._connection.execute("INSERT INTO applied_tables (number) VALUES (?)", (number,))
                self._connection.execute("COMMIT")

    def check_there(self) -> None:
        try:
            same = os.path.samestat(self._path.stat(), self._file)
        except FileNotFoundError:
            same = False
        if not same:
            raise JournalGone(self._path)

    def close(self) -> None:
        with self.lock:
            for connection in self._opened:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[_Connection]:
        with self.lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:  # whatever ends the block, half of it must not stay
                if self._connection.in_transaction:  # SQLite has rolled back itself where its disk was full
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *values: Any) -> list[Row]:
        if not hasattr(self._own, "connection"):
            try:
                self._own.connection = self._open("rw")  # it makes no new file where this one was deleted
            except sqlite3.OperationalError as e:
                # The file or a descriptor is lacking: wait for the writing connection instead of failing.
                log.debug("a thread reads by the writing connection: %s", e)
                with self.lock:
                    return list(self._connection.execute(sql, values))
        return list(self._own.connection.execute(sql, values))

    def at_once(self, sql: str, *values: Any) -> list[Row]:
        with self.transaction() as db:
            return list(db.execute(sql, values))
