"""The journal: runs, their stages and events. The truth that a restart begins from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.lease import ALONE, Leases
from devserver.durable.reading import Reading
from devserver.durable.search import Search
from devserver.durable.sql import Transaction
from devserver.durable.stops import Stops
from devserver.durable.writing import NewRun, Writing, Written
from devserver.model.events import Event, RunEnded, Stored
from devserver.model.results import Result
from devserver.model.rows import AttemptRow, PartRow, Place, RunRow, StageState
from devserver.system.clock import Clock

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class Journal:
    """Runs, stages and events, read and written in transactions. On the loop.

    An event is published on the bus once its transaction is committed, in the order of the numbers. Where other
    processes write too, all are told that there are new ones, and `devserver.durable.wire` publishes them.
    """

    def __init__(self, database: Database, clock: Clock, bus: Bus, owner: str = ALONE) -> None:
        self._clock, self._bus = clock, bus
        self.database = database
        self.leases = Leases(database, owner)
        self.search = Search(database)
        self.stops = Stops(database)
        # They hear on the loop what this process has written, once it is committed.
        self.hearers: list[Callable[[Written], None]] = []

    async def read(self, work: Callable[[Reading], Value]) -> Value:
        """Read several things in one transaction."""
        return await self.database.read(lambda tx: work(Reading(tx)))

    async def write(self, work: Callable[[Writing], Value], then: Callable[[Value], None] | None = None) -> Value:
        """Write several things in one commit; then publish their events, and call `then`, whoever still waits."""

        def committed(done: tuple[Value, list[Written]]) -> None:
            self.publish(done[1])
            if then is not None:
                then(done[0])

        result, _ = await self.database.write(lambda tx: self.write_in(tx, work), committed)
        return result

    def write_in(self, tx: Transaction, work: Callable[[Writing], Value]) -> tuple[Value, list[Written]]:
        """Write within a transaction; return what `work` does, and the events to publish once it is committed."""
        writing = Writing(tx, self.leases, self.search, self.stops, self._clock.stamp())
        result = work(writing)
        writing.close()
        if writing.written:
            tx.notify("events")
        return result, writing.written

    def publish(self, written: list[Written]) -> None:
        """Publish events that are committed."""
        for entry in written:
            if isinstance(entry.event.data, RunEnded):
                self.leases.held.pop(str(entry.event.run_id), None)
                self.leases.accepted.pop(str(entry.event.run_id), None)  # one that nobody has begun
            if not self.database.shared:
                self._bus.publish(entry.event)
            for hear in self.hearers:
                try:
                    hear(entry)
                except Exception:  # whoever hears must not stop what he hears of
                    log.exception("the event %s of %s was not heard", entry.event.kind, entry.event.run_id)

    # One thing at a time

    async def add_run(
        self,
        new: NewRun,
        together: Callable[[Transaction], None] = lambda _tx: None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Accept a run: from this commit on it is never lost. `together` writes in the same one."""

        def add(writing: Writing) -> None:
            self.database.check_there()
            writing.add_run(new)
            together(writing.tx)

        def added(_: None) -> None:
            if not self.leases.shared:
                self.leases.accepted[new.run_id] = _row_of(new, self.leases.owner)
            then()

        await self.write(add, added)

    def take_accepted(self, run_id: str) -> RunRow | None:
        """Take a run that was accepted here just now, so that nobody else can have begun it; None of any other.

        Returns:
            Its row as `Writing.begin_run` leaves it, which is still to be written, at its `started_at`.
        """
        row = self.leases.accepted.pop(run_id, None)
        if row is None:
            return None
        self.leases.held[run_id] = row.generation
        return replace(row, started_at=self._clock.stamp())

    async def begin_run(self, run_id: str) -> RunRow:
        """Take a run for a walk.

        Raises:
            Fenced: it has ended, or another process walks it.
        """
        self.leases.accepted.pop(run_id, None)
        row = await self.write(lambda writing: writing.begin_run(run_id))
        self.leases.held[run_id] = row.generation
        return row

    async def run(self, run_id: str) -> RunRow | None:
        return await self.read(lambda reading: reading.run(run_id))

    async def has_ended(self, run_id: str) -> bool:
        if self.leases.is_going_on(run_id):
            return False
        return await self.read(lambda reading: reading.has_ended(run_id))

    async def events_after(self, seq: int, run_id: str | None, limit: int) -> list[Event]:
        """Return the next events of a run, or of all runs with None."""
        return await self.read(lambda reading: reading.events_after(seq, run_id, limit))

    async def last_seq(self) -> int:
        """Return the number of the newest event."""
        return await self.read(lambda reading: reading.last_seq())

    async def stage(self, place: Place) -> PartRow | None:
        """Return the stage, take or attempt at a place."""
        return await self.read(lambda reading: reading.stage(place))

    async def stages(self, run_id: str) -> list[PartRow]:
        """Return every stage, take and attempt of a run, in the order in which they began."""
        return await self.read(lambda reading: reading.stages(run_id))

    async def last_attempt(self, place: Place) -> AttemptRow | None:
        """Return the newest attempt of a take."""
        return await self.read(lambda reading: reading.last_attempt(place))

    async def end(self, place: Place, state: StageState, result: Result | None = None) -> None:
        """End a stage, take or attempt; `result` is merged into what is there."""
        await self.write(lambda writing: writing.end(place, state, result))

    async def note(self, place: Place, result: Result) -> None:
        """Merge something that was decided into the result of a stage, take or attempt."""
        await self.write(lambda writing: writing.note(place, result))

    async def add_event(self, place: Place, data: Stored, key: str = "") -> None:
        """Store and publish an event; one with the same place, kind and key is stored once."""
        await self.write(lambda writing: writing.add_event(place, data, key))


def _row_of(new: NewRun, owner: str) -> RunRow:
    """Return the row that a new run has once it has begun, but for the time of that."""
    return RunRow(
        new.run_id,
        new.user_id,
        "running",
        new.created_at,
        started_at=None,
        ended_at=None,
        title=new.title,
        schema=new.schema,
        output_config=new.output_config,
        plan=new.plan,
        error=None,
        generation=1,
        cancel=False,
        owner=owner,
    )
