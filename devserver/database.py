"""The database file: one writing connection behind one lock, and a reading one for each thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devserver.errors import OldJournal


def table_files(dialect: str) -> list[tuple[int, Path]]:
    """The files that make the tables: `N_name.sql` for every database, `N_name.sqlite.sql` for one kind of it."""
    files = Path(__file__).with_name("tables").glob("*.sql")
    own = (file for file in files if file.suffixes in ([".sql"], [f".{dialect}", ".sql"]))
    return sorted((int(file.name.partition("_")[0]), file) for file in own)


class Database:
    """SQLite in WAL: what is committed survives a kill. Every method may be called from any thread.

    `lock` may be held around a transaction and what must follow it before the next one.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._path = path
        self._opened: list[sqlite3.Connection] = []
        self._own = threading.local()
        self._connection = self._open()
        self._make_tables()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
            connection.execute(f"PRAGMA {pragma}")
        self._opened.append(connection)
        return connection

    def _make_tables(self) -> None:
        """Apply the files of `tables/` that this journal has not seen yet, in the order of their numbers."""
        self._connection.execute("CREATE TABLE IF NOT EXISTS applied_tables (number INTEGER PRIMARY KEY)")
        if self.rows("SELECT 1 FROM sqlite_master WHERE name = 'runs'") and not self.rows(
            "SELECT 1 FROM applied_tables"
        ):
            raise OldJournal(self._path)
        applied = {row["number"] for row in self._connection.execute("SELECT number FROM applied_tables")}
        for number, file in table_files("sqlite"):
            if number not in applied:
                self._connection.executescript(f"BEGIN IMMEDIATE;\n{file.read_text('utf8')}")
                self._connection.execute("INSERT INTO applied_tables (number) VALUES (?)", (number,))
                self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close every connection; nothing may be asked afterwards."""
        with self.lock:
            for connection in self._opened:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing."""
        with self.lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:  # whatever ends the block, half of it must not stay
                self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Read what is committed, on this thread's own connection, which waits for no writer."""
        if not hasattr(self._own, "connection"):
            self._own.connection = self._open()
        return list(self._own.connection.execute(sql, values))
