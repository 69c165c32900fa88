"""Messages between processes that share a database: events, turns at backends, runs to walk and to stop."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Final

from devserver.durable.bus import Bus
from devserver.durable.database import Database, Listening
from devserver.durable.journal import Journal
from devserver.errors import DatabaseGone
from devserver.model.events import Event

MOST_BYTES: Final = 7900  # of one message; PostgreSQL takes 8000
MOST_WAITING: Final = 1000
PAGE: Final = 500
# Each process tells its own listeners of these, from the tables and the definitions that it reads itself.
OWN: Final = frozenset({"queue", "definitions"})

log = logging.getLogger(__name__)


class Wire:
    """Passes events between this process's bus and the other processes. On the loop.

    Stored events are read from the journal by their numbers, which are given in the order of the commits, whoever wrote
    them: a message says only that there are new ones. What is not stored goes as a message, or where it is longer than
    one can be (a preview), not at all.

    Args:
        on: what is called with the text of each message of a topic ("runs", "cancel", "tickets").
        look: what is called every now and then, in case that a message was lost.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        bus: Bus,
        on: Mapping[str, Callable[[str], None]] | None = None,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._db, self._journal, self._bus, self._look = database, journal, bus, look
        self._news = asyncio.Event()
        self._on = {"events": lambda _: self._news.set(), "told": self._hear, **(on or {})}
        self._seq = 0
        self._outgoing: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: Listening | None = None

    async def start(self) -> None:
        """Hear everything from now on."""
        self._seq = await self._journal.read(lambda reading: reading.last_seq())
        self._loop = asyncio.get_running_loop()
        self._tasks = [asyncio.create_task(self._publish_all()), asyncio.create_task(self._send_all())]
        self._listening = await self._db.listen(list(self._on), self._heard)
        self._bus.outlet = self._tell

    async def stop(self) -> None:
        self._bus.outlet = None
        if self._listening is not None:
            await self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _heard(self, topic: str, text: str) -> None:
        if topic:
            self._on[topic](text)
        else:
            self._news.set()
            self._look()

    async def _publish_all(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._publish()
            except DatabaseGone as e:
                log.warning("%s", e)

    async def _publish(self) -> None:
        while True:
            page = await self._journal.read(lambda reading: reading.events_after(self._seq, limit=PAGE))
            for event in page:
                self._seq = event.seq or self._seq
                self._bus.publish(event)
            if len(page) < PAGE:
                return

    def _hear(self, text: str) -> None:
        message = json.loads(text)
        if message.pop("by") != self._journal.leases.owner:
            self._bus.publish(Event.from_json(message))

    def _tell(self, event: Event) -> None:
        """Send an event to the others; it is called on any thread."""
        if event.kind not in OWN and self._outgoing.qsize() < MOST_WAITING:
            self._loop.call_soon_threadsafe(self._outgoing.put_nowait, event)

    async def _send_all(self) -> None:
        while True:
            event = await self._outgoing.get()
            text = json.dumps({"by": self._journal.leases.owner, **event.as_json()})
            if len(text.encode()) > MOST_BYTES:
                continue
            try:
                await self._db.tell("told", text)
            except DatabaseGone as e:
                log.warning("%s was not sent to other processes: %s", event.kind, e)
