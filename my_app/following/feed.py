"""Events after a given number: the stored ones first, then live, without a gap and without a double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import HttpVersion11, web

from devserver.durable.bus import LAGGED, Lagged, Subscription
from devserver.durable.journal import Journal
from devserver.durable.patience import USUAL_S, patience
from devserver.model.events import Event
from devserver.runs.runs import Runs
from my_app.addresses.below import below, prefix_of
from my_app.answers.errors import dump
from my_app.door.visitors import Owners
from my_app.views.shapes import EVENT_STREAM

Tap = Callable[[Event], bool]

PAGE: Final = 500
HEARTBEAT: Final = b": still here\n\n"
# A browser that lost the stream comes back after this long, with the number of the last event that it saw.
RETRY: Final = b"retry: 2000\n\n"
STREAM_HEADERS: Final = {
    "Content-Type": f"{EVENT_STREAM}; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}


@dataclass
class _Place:
    """A listener's position: the number of the last stored event that it has."""

    after: int

    def is_new(self, event: Event) -> bool:
        """Return True for an event that the listener lacks; it has it from now on."""
        if event.seq is not None and event.seq <= self.after:
            return False
        self.after = event.seq or self.after
        return True

    def take(self, tap: Tap, event: Event) -> bool:
        """Let the tap have an event that the listener lacks, unless a feed ends with it."""
        if event.kind == "run.ended":
            return False
        if event.seq is not None and event.seq <= self.after:
            return True
        return tap(event) and self.is_new(event)


@dataclass(frozen=True)
class Feeds:
    """The events of runs for those who listen: the stored ones from the journal, then those that come."""

    journal: Journal
    runs: Runs
    owners: Owners
    heartbeat_s: float

    async def of(self, run_id: str | None, after: int, tap: Tap | None = None) -> AsyncGenerator[Event | None, None]:
        """Yield events, and None after each quiet stretch of the heartbeat's length, until the server stops.

        It listens before it reads the journal, so that nothing falls between the two.

        With a `run_id` they are that run's, up to `run.ended`; with None everybody's. `after` is the number of the last
        event that the listener has. What `tap` takes is not yielded: it is offered what comes while the reader waits.
        """
        with self.runs.waiting.listen(run_id) as subscription:
            ended = run_id is not None and await self.runs.has_ended(run_id)
            place = _Place(after)
            if tap is not None:
                subscription.tap = partial(place.take, tap)
            async for event in self._live(subscription, run_id, place, only_stored=ended):
                yield event
                if event is not None and event.kind == "run.ended" and run_id is not None:
                    return

    async def of_viewer(self, viewer: str, after: int) -> AsyncGenerator[Event | None, None]:
        """Yield the events of the viewer's own runs and of the server."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        async with aclosing(self.of(None, after)) as events:
            async for event in events:
                if event is None or event.run_id is None or await self.owners.of(event.run_id) == viewer:
                    yield event
                elif loop.time() - last > self.heartbeat_s:
                    yield None  # others are busy; the stream must not look dead for that
                else:
                    continue
                last = loop.time()

    async def is_over(self, run_id: str, after: int) -> bool:
        """Return True where the run has ended and the listener has all of its events: coming back is pointless."""
        return await self.runs.has_ended(run_id) and not await self.journal.events_after(after, run_id, 1)

    async def _live(
        self, subscription: Subscription, run_id: str | None, place: _Place, *, only_stored: bool
    ) -> AsyncIterator[Event | None]:
        arrived: Event | Lagged | None = LAGGED  # at first, too, the journal knows what was missed
        while True:
            if isinstance(arrived, Lagged):
                async for event in self._stored(run_id, place.after):
                    if place.is_new(event):
                        yield event
                if only_stored:
                    return
            elif arrived is None or place.is_new(arrived):
                yield arrived
            try:
                async with asyncio.timeout(self.heartbeat_s):
                    arrived = await anext(subscription)
            except TimeoutError:
                arrived = None
            except StopAsyncIteration:
                return

    async def _stored(self, run_id: str | None, after: int) -> AsyncIterator[Event]:
        while True:
            with patience(USUAL_S):  # a stream does not end because the database is silent for a while
                page = await self.journal.events_after(after, run_id, PAGE)
            for event in page:
                after = event.seq or after
                yield event
            if len(page) < PAGE:
                return


def direct_writer(request: web.Request, response: web.StreamResponse) -> Tap | None:
    """Return a tap that writes events to the client's connection at once, where all before is taken.

    With a thousand listeners, waking a task for each would cost more than the writing. It needs a stream in chunks.
    """
    transport, prefix = request.transport, prefix_of(request)
    if transport is None or not response.chunked:
        return None

    def write(event: Event) -> bool:
        if transport.is_closing() or transport.get_write_buffer_size():
            return False
        transport.write(WIRE.chunk(event, prefix))
        return True

    return write


class Wire:
    """Events as bytes. The last one is kept: all listeners are written the same, one after the other."""

    def __init__(self) -> None:
        self._event: Event | None = None
        self._chunks: dict[str, bytes] = {}

    def chunk(self, event: Event, prefix: str) -> bytes:
        """Encode a message as one chunk of HTTP's chunked coding, for listeners below a path."""
        if event is not self._event:
            self._event, self._chunks = event, {}
        if prefix not in self._chunks:
            whole = message(event, prefix)
            self._chunks[prefix] = b"%x\r\n%b\r\n" % (len(whole), whole)
        return self._chunks[prefix]


WIRE: Final = Wire()


def message(event: Event, prefix: str) -> bytes:
    """Encode an event as Server-Sent Events. Only stored events have an id, so only they move the resume point."""
    return encode(event.kind, below(prefix, event.as_json()), event.seq)


def encode(kind: str, data: object, seq: int | None = None) -> bytes:
    head = "" if seq is None else f"id: {seq}\n"
    return f"{head}event: {kind}\ndata: ".encode() + dump(data) + b"\n\n"


async def open_stream(request: web.Request, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    response = web.StreamResponse(headers={**STREAM_HEADERS, **(headers or {})})
    if request.version >= HttpVersion11:
        response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(RETRY)
    return response


async def pour(events: AsyncGenerator[Event | None, None], response: web.StreamResponse, prefix: str) -> None:
    """Write a feed down a stream until it ends or the client goes (`ConnectionResetError`)."""
    async with aclosing(events):  # at once, not when the garbage is collected: the subscription ends with it
        async for event in events:
            await response.write(HEARTBEAT if event is None else message(event, prefix))
