"""The database that everything durable goes through: one port, one SQL, SQLite or PostgreSQL behind it.

The SQL is what both read: `?` for every value, `INSERT ... ON CONFLICT (columns) DO ...`, `RETURNING`, flags as
integers, times as text. Where several processes write, rows are held with `FOR SHARE` or `FOR UPDATE [SKIP LOCKED]`;
SQLite, whose writers come one after the other anyway, leaves these words out. `epoch_now()` is the database's own
clock, in seconds.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from devserver.errors import DatabaseGone

TABLES: Final = Path(__file__).with_name("tables")


class Row(Protocol):
    """One row, by the names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Iterable[str]: ...


class Result(Protocol):
    """What a statement has answered."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Transaction(Protocol):
    """Where the statements of one transaction are executed."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Result: ...


class Listening(Protocol):
    """What goes on hearing other processes until it is closed."""

    def close(self) -> None: ...


class Database(ABC):
    """What is committed survives a kill. Every method may be called from any thread.

    `lock` may be held around a transaction and what must follow it before the next one of this process.

    Attributes:
        shared: whether other processes write here too.
    """

    shared: ClassVar[bool]

    def __init__(self) -> None:
        self.lock = threading.RLock()

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """All of it or nothing."""

    @abstractmethod
    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Read what is committed; it waits for no writer."""

    @abstractmethod
    def at_once(self, sql: str, *values: Any) -> list[Row]:
        """Execute one statement by itself, beside a transaction of another thread where that is possible."""

    def silence(self) -> str:
        """Say for how long the database has not answered; '' where it answers."""
        return ""

    def check_there(self) -> None:  # noqa: B027 - only SQLite has a file that can be deleted
        """Check that what is written now is found at the next start.

        Raises:
            devserver.disk.JournalGone: the database's file was deleted or replaced.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every connection; nothing may be asked afterwards."""

    def notify(self, db: Transaction, topic: str, text: str = "") -> None:  # noqa: B027 - alone there is nobody to tell
        """Tell every process that listens, this one too, once the transaction is committed; at most 7900 bytes."""

    def tell(self, topic: str, text: str) -> None:  # noqa: B027 - same
        """Tell every process at once, outside of any transaction; at most 7900 bytes."""

    def listen(self, topics: Sequence[str], heard: Callable[[str, str], None]) -> Listening | None:  # noqa: ARG002 - same
        """Call `heard(topic, text)` on a thread of its own for what any process tells.

        Every now and then it is `heard("", "")`: look for yourself, something may have been missed. None where there is
        no other process.
        """
        return None


def table_files(dialect: str) -> list[tuple[int, Path]]:
    """The files that make the tables: `N_name.sql` for every database, `N_name.sqlite.sql` for one kind of it."""
    own = (file for file in TABLES.glob("*.sql") if file.suffixes in ([".sql"], [f".{dialect}", ".sql"]))
    return sorted((int(file.name.partition("_")[0]), file) for file in own)


def open_database(where: Path | str) -> Database:
    """The database at a path (SQLite) or at a `postgresql://` address, with its tables as they are now.

    Raises:
        devserver.errors.OldJournal: it was written before its tables were numbered.
        devserver.errors.DatabaseGone: it does not answer, or the package that speaks with it is missing.
    """
    if isinstance(where, Path):
        from devserver.durable.sqlite import SqliteDatabase

        return SqliteDatabase(where)
    try:
        from devserver.durable.postgres import PostgresDatabase
    except ImportError as e:
        raise DatabaseGone("database_url names PostgreSQL; that needs psycopg: pip install 'psycopg[binary]'") from e
    return PostgresDatabase(where)
