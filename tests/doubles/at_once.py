"""For tests that are about SQL and not about waiting: what takes a transaction, called at once on the test's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.journal import Journal
from devserver.durable.lease import ALONE
from devserver.durable.sql import Row, Transaction
from devserver.durable.writing import NewRun
from devserver.model.rows import RunRow
from devserver.system.clock import Clock


def write(database: Database, work: Callable[[Transaction], Any]) -> Any:
    """Do work in a transaction of its own."""
    with database.door() as door:
        return door.write(work)


def execute(database: Database, sql: str, *values: Any) -> None:
    write(database, lambda tx: tx.execute(sql, values))


def rows(database: Database, sql: str, *values: Any) -> list[Row]:
    with database.door() as door:
        return door.read(lambda tx: tx.rows(sql, *values))


class AtOnce:
    """Calls each method of something with a transaction before the other arguments."""

    def __init__(self, database: Database, subject: Any) -> None:
        self.database, self.subject = database, subject

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.subject, name)
        return lambda *args, **kwargs: write(self.database, lambda tx: method(tx, *args, **kwargs))


class JournalAtOnce:
    """A journal each of whose calls is one transaction; `journal` is the one that product code takes."""

    def __init__(self, database: Database, clock: Clock, bus: Bus, owner: str = ALONE) -> None:
        self.journal = Journal(database, clock, bus, owner)
        self.database, self.leases, self.hearers = database, self.journal.leases, self.journal.hearers
        self.search, self.stops = AtOnce(database, self.journal.search), self.journal.stops

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._write(lambda writing: getattr(writing, name)(*args, **kwargs))

    def _write(self, work: Callable[[Any], Any]) -> Any:
        found, written = write(self.database, lambda tx: self.journal.write_in(tx, work))
        self.journal.publish(written)
        return found

    def add_run(self, run_id: str, *, together: Callable[[Transaction], None] | None = None, **values: Any) -> None:
        def add(writing: Any) -> None:
            writing.add_run(NewRun(run_id, **values))
            if together is not None:
                together(writing.tx)

        self._write(add)

    def begin_run(self, run_id: str) -> RunRow:
        row: RunRow = self._write(lambda writing: writing.begin_run(run_id))
        self.leases.held[run_id] = row.generation
        return row
