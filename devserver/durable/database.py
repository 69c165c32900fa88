"""The database that everything durable goes through: one port, one SQL, SQLite or PostgreSQL behind it.

The SQL is what both read: `$1`, `$2` for the values, `INSERT ... ON CONFLICT (columns) DO ...`, `RETURNING`, flags as
integers, times as text; `epoch_now()` is the database's own clock, in seconds. The words that hold rows against other
processes are the dialect's (`tx.dialect.for_update`); SQLite, whose writers come one after the other, has none.

Whoever asks hands over a function of a transaction. Threads of the database call it: one writes, in the order of
asking; a few read. So no call blocks an event loop, and all of a function is one commit.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, Protocol, TypeVar

from devserver.durable.lanes import Door, Job, Lane
from devserver.durable.patience import patience_s
from devserver.durable.sql import Dialect, Transaction
from devserver.durable.tables import make_tables
from devserver.errors import DatabaseGone
from devserver.processes.finish import finish

READERS: Final = 4
CONNECTIONS: Final = READERS + 2  # the most of one process: readers, writer and heartbeat
SILENT_S: Final = 1.0  # an answer that is missing for longer is a problem that /ready tells
CLOSED_WITHIN_S: Final = 2.0

Value = TypeVar("Value")


class Listening(Protocol):
    """A subscription to other processes, until it is closed."""

    async def close(self) -> None: ...


class Database(ABC):
    """A database whose commits survive a kill.

    Attributes:
        shared: whether other processes write here too.
        name: as messages call it, without a password.
    """

    shared: ClassVar[bool]
    dialect: ClassVar[Dialect]
    name: str

    def __init__(self) -> None:
        self._writing = Lane("database writer", [self.door()])
        self._reading = Lane("database reader", [self.door() for _ in range(READERS)])
        self._waiting: set[Job[Any]] = set()
        self._most_s = float("inf")

    def _open(self) -> None:
        """Bring the tables up to date and start the threads."""
        try:
            self._writing.doors[0].write(lambda tx: make_tables(tx, self.dialect, self.name))
            self._writing.start()
            self._reading.start()
        except BaseException:  # whoever gets no database cannot close it
            self.close()
            raise

    async def write(self, work: Callable[[Transaction], Value], then: Callable[[Value], None] | None = None) -> Value:
        """Do work as one transaction; it may be called more than once, where the connection is lost before the commit.

        `then` is called on the loop with what was committed, in the order of the commits, also where the caller no
        longer waits. A caller that is cancelled waits for the end all the same, and is cancelled then.

        Raises:
            DatabaseGone: it gave no answer within the caller's patience. What was not committed by then is not.
        """
        return await self._ask(self._writing, Job(work, writes=True), then)

    async def read(self, work: Callable[[Transaction], Value]) -> Value:
        """Do work that only reads what is committed; it waits for no writer.

        Raises:
            DatabaseGone: it gave no answer within the caller's patience.
        """
        return await self._ask(self._reading, Job(work, writes=False), None)

    async def _ask(self, lane: Lane, job: Job[Value], then: Callable[[Value], None] | None) -> Value:
        limit_s = min(patience_s(), self._most_s)
        if lane.stuck_s >= limit_s:
            raise self.gone(f"it has given no answer for {lane.stuck_s:.0f} s")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Value] = loop.create_future()

        def settle(result: Value | None, error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(answer_with, result, error)

        def answer_with(result: Any, error: BaseException | None) -> None:
            if error is None and then is not None:
                then(result)
            if answer.done():
                return
            if error is None:
                answer.set_result(result)
            else:
                answer.set_exception(error)

        def give_up() -> None:
            job.wanted = False
            if not answer.done():
                answer.set_exception(self.gone(f"no answer came within {limit_s:g} s"))

        job.settle, job.give_up = settle, give_up
        timer = loop.call_later(limit_s, give_up)
        self._waiting.add(job)
        lane.do(job)
        try:
            return await (finish(answer) if job.writes else answer)
        finally:
            timer.cancel()
            self._waiting.discard(job)
            if not job.writes:
                job.wanted = False

    def shorten(self, limit_s: float) -> None:
        """Limit every wait from now on, those that have begun included: the server stops. On the loop."""
        self._most_s = limit_s
        for job in self._waiting:
            asyncio.get_running_loop().call_later(limit_s, job.give_up)

    def silence(self) -> str:
        """Say for how long the database has not answered; '' where it answers."""
        seconds = max(self._writing.silent_s, self._reading.silent_s)
        return f"the database {self.name} has not answered for {seconds:.0f} s" if seconds > SILENT_S else ""

    def gone(self, reason: str) -> DatabaseGone:
        return DatabaseGone(f"The database {self.name} does not answer: {reason}. The next call asks it again.")

    @abstractmethod
    def door(self) -> Door:
        """Return a connection for one thread, which blocks that thread."""

    def check_there(self) -> None:  # noqa: B027 - only SQLite has a file that can be deleted
        """Check that what is written now is found at the next start. It looks at the disk, so not on the loop.

        Raises:
            devserver.errors.disk.JournalGone: the database's file was deleted or replaced.
        """

    def close(self) -> None:
        """Close every connection; nothing may be asked afterwards. A thread that waits for an answer is left behind."""
        self._writing.close(CLOSED_WITHIN_S)
        self._reading.close(CLOSED_WITHIN_S)

    async def tell(self, topic: str, text: str) -> None:  # noqa: B027 - alone there is nobody to tell
        """Tell every process at once, outside of any transaction; at most 7900 bytes."""

    async def listen(self, topics: Sequence[str], heard: Callable[[str, str], None]) -> Listening | None:  # noqa: ARG002 - alone there is nobody to hear
        """Call `heard(topic, text)` on the loop for what any process tells.

        Every now and then it is `heard("", "")`: look for yourself, something may have been missed. None where there is
        no other process.
        """
        return None
