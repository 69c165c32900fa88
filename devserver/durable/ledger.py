"""A walk's writing into the journal: changes within a moment are one commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from devserver.durable.journal import Journal
from devserver.durable.writing import Writing
from devserver.errors import DatabaseGone, Fenced
from devserver.errors.disk import JournalFault
from devserver.model.events import Stored
from devserver.model.results import Result
from devserver.model.rows import Place, StageState
from devserver.system.clock import Clock

WRITTEN_AFTER_S: Final = 0.05
PASSING: Final = (Fenced, DatabaseGone, JournalFault)  # no fault of what is written

Value = TypeVar("Value")

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Entry:
    """Something that goes with the next commit, and when it happened. `work` returns what is called after it.

    Attributes:
        is_broken: whether it raised something that it would raise again.
    """

    work: Callable[[Writing], Callable[[], None]]
    at: str
    is_broken: bool = False

    def write(self, writing: Writing) -> Callable[[], None]:
        writing.at = self.at
        try:
            return self.work(writing)
        except PASSING:
            raise
        except Exception:  # whatever it is, it would be the same again
            self.is_broken = True
            raise


class Ledger:
    """Writes for one walk, in the order in which things happened. On the loop."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._waiting: list[_Entry] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    def later(
        self, work: Callable[[Writing], Value], then: Callable[[Value], None] | None = None, *, at: str | None = None
    ) -> None:
        """Write something together with what is written next, at the latest a moment from now.

        A kill may come first, so this is for what the next walk finds or does again. `then` is called with what `work`
        returned once it is committed; `at` is when it happened, else now.
        """

        def write(writing: Writing) -> Callable[[], None]:
            result = work(writing)
            return partial(then, result) if then is not None else _follow_nothing

        self._waiting.append(_Entry(write, at or self._clock.stamp()))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WRITTEN_AFTER_S, self._flush_soon)

    async def write(self, work: Callable[[Writing], Value]) -> Value:
        """Write in one commit, together with what waits for it.

        Raises:
            Fenced: another process has taken the run over.
            DatabaseGone: it gave no answer. What waited is written with the next write.
        """
        try:
            return await self._write(work)
        finally:
            self._waiting = [entry for entry in self._waiting if not entry.is_broken]  # it was raised just now

    @property
    def waits(self) -> bool:
        """Something is not written yet."""
        return bool(self._waiting)

    async def flush(self) -> None:
        """Write what waits."""
        if self.waits:
            await self.write(lambda _: None)

    def close(self) -> None:
        """End the walk's writing: what still waits is for the next walk to find."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()

    async def _write(self, work: Callable[[Writing], Value]) -> Value:
        waiting, self._waiting = self._waiting, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

        def write_all(writing: Writing) -> tuple[Value, list[Callable[[], None]]]:
            now = writing.at
            follow = [entry.write(writing) for entry in waiting]
            writing.at = now
            return work(writing), follow

        def follow_all(done: tuple[Value, list[Callable[[], None]]]) -> None:
            for then in done[1]:
                then()

        try:
            result, _ = await self._journal.write(write_all, follow_all)
        except Exception:  # whatever it is, what waited is not lost with it
            self._waiting = waiting + self._waiting
            raise
        return result

    def _flush_soon(self) -> None:
        self._timer = None
        self._flushing = asyncio.get_running_loop().create_task(self._flush_alone())

    async def _flush_alone(self) -> None:
        try:
            await self._write(lambda _: None)
        except PASSING as e:  # the walk's next write tries it again, and raises
            log.debug("not written yet: %s", e)

    # One thing at a time

    async def end(self, place: Place, state: StageState, result: Result | None = None) -> None:
        """End a stage, take or attempt; `result` is merged into what is there."""
        await self.write(lambda writing: writing.end(place, state, result))

    async def note(self, place: Place, result: Result) -> None:
        """Merge something that was decided into the result of a stage, take or attempt."""
        await self.write(lambda writing: writing.note(place, result))

    async def add_event(self, place: Place, data: Stored, key: str = "") -> None:
        """Store and publish an event; one with the same place, kind and key is stored once."""
        await self.write(lambda writing: writing.add_event(place, data, key))


def _follow_nothing() -> None:
    """Do nothing after the commit."""
