"""Threads that work for the database, each with a connection of its own. How many wait for it is bounded by them."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Generic, Self, TypeVar

from devserver.durable.sql import Dialect, Result, Row, Transaction
from devserver.errors import DatabaseGone

Value = TypeVar("Value")


@dataclass(eq=False)
class Job(Generic[Value]):
    """Work in one transaction.

    Attributes:
        settle: called on the lane's thread with the result, or with the error.
        give_up: called on the loop when nobody waits for it any longer.
        wanted: whether somebody waits; what nobody waits for is not begun, and not committed.
    """

    work: Callable[[Transaction], Value]
    writes: bool
    settle: Callable[[Value | None, BaseException | None], None] = lambda _result, _error: None
    give_up: Callable[[], None] = lambda: None
    wanted: bool = True


class Session(ABC):
    """One open connection. It belongs to one thread.

    Attributes:
        lost: whether it is good for nothing any more.
    """

    dialect: Dialect
    _committing = False

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Result: ...

    def rows(self, sql: str, /, *values: Any) -> list[Row]:
        return self.execute(sql, values).fetchall()

    def notify(self, topic: str, text: str = "", /) -> None:  # noqa: B027 - alone there is nobody to tell
        pass

    @property
    @abstractmethod
    def lost(self) -> bool: ...

    @abstractmethod
    def begin(self, job: Job[Any]) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    @abstractmethod
    def roll_back(self) -> None:
        """Undo what was not committed; it raises nothing."""

    @abstractmethod
    def close(self) -> None: ...

    @property
    def may_have_committed(self) -> bool:
        """The last job came to its commit, so that it must not be done again."""
        return self._committing

    def do(self, job: Job[Value]) -> Value:
        """Do a job, in a transaction where it writes."""
        self._committing = False
        if not job.writes:
            return job.work(self)
        self.begin(job)
        try:
            result = job.work(self)
            if not job.wanted:
                raise DatabaseGone("it was given up before it was committed")  # noqa: TRY301 - it is rolled back below
            self._committing = True
            self.commit()
        except BaseException:  # whatever ends it, half of it must not stay
            self.roll_back()
            raise
        return result


class Door:
    """A connection for one thread, which it blocks. It is opened when needed, and again where it was lost."""

    def __init__(self, connect: Callable[[], Session]) -> None:
        self._connect = connect
        self._session: Session | None = None

    def read(self, work: Callable[[Transaction], Value]) -> Value:
        return self.do(Job(work, writes=False))

    def write(self, work: Callable[[Transaction], Value]) -> Value:
        return self.do(Job(work, writes=True))

    def do(self, job: Job[Value]) -> Value:
        """Do a job; where the connection proves to be lost before the commit, once more on a new one."""
        while True:
            is_new = self._session is None
            session = self.open()
            try:
                return session.do(job)
            except DatabaseGone:
                if not session.lost:
                    raise
                self.close()
                if is_new or session.may_have_committed or not job.wanted:
                    raise

    def open(self) -> Session:
        """Connect, unless that is done."""
        if self._session is None:
            self._session = self._connect()
        return self._session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(eq=False)
class Lane:
    """A few threads that do jobs in the order in which they come.

    Args:
        doors: one for each thread.
    """

    name: str
    doors: Sequence[Door]
    _jobs: SimpleQueue[Job[Any] | None] = field(default_factory=SimpleQueue)
    _busy: dict[Door, float] = field(default_factory=dict)  # since when each of them waits for the database
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number, door in enumerate(self.doors, 1):
            door.open()
            thread = threading.Thread(target=self._work, args=(door,), name=f"{self.name} {number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def do(self, job: Job[Any]) -> None:
        """Let the next free thread do it."""
        self._jobs.put(job)

    @property
    def silent_s(self) -> float:
        """For how long the oldest answer has been missing; 0.0 where none is."""
        now = time.monotonic()
        return now - min(list(self._busy.values()), default=now)

    @property
    def stuck_s(self) -> float:
        """For how long every thread has been waiting, so that nothing else is done; 0.0 where one is free."""
        busy = list(self._busy.values())
        return time.monotonic() - max(busy) if len(busy) == len(self.doors) else 0.0

    def close(self, within_s: float) -> None:
        """End the threads when they have done what they were asked; one that gets no answer is left behind."""
        for _ in self._threads:
            self._jobs.put(None)
        ends_s = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, ends_s - time.monotonic()))
        for door in self.doors[len(self._threads) :]:  # they were never handed to a thread
            door.close()

    def _work(self, door: Door) -> None:
        while (job := self._jobs.get()) is not None:
            if not job.wanted:
                continue
            self._busy[door] = time.monotonic()
            try:
                result, error = door.do(job), None
            except BaseException as e:  # noqa: BLE001 - whoever asked gets it
                result, error = None, e
            self._busy.pop(door)
            job.settle(result, error)
            del job, result, error
        with suppress(Exception):  # reason: nothing more is asked of it
            door.close()
