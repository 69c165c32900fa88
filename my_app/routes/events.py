"""Events as they happen: Server-Sent Events that can be resumed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from devserver.backends.pool import Pool
from devserver.definitions.current import Definitions
from devserver.durable.journal import Journal
from devserver.durable.patience import USUAL_S, patience
from devserver.model.events import Event, Passing
from devserver.queueing.queue import Queue
from devserver.runs.runs import Runs
from devserver.system.clock import Clock
from my_app.addresses.below import prefix_of
from my_app.door.visitors import Visitor
from my_app.following.feed import Feeds, direct_writer, message, open_stream, pour
from my_app.routes.media import check_run
from my_app.views.route import Route, RunId
from my_app.views.shapes import EVENT_STREAM
from my_app.views.signature import Header, Whole

LastEventId = Annotated[
    Whole | None, Header("Last-Event-ID"), Field(ge=0, lt=10**18, description="The last event that was seen.")
]


async def all_events(
    *,
    request: web.Request,
    feeds: Feeds,
    journal: Journal,
    pool: Pool,
    queue: Queue,
    definitions: Definitions,
    clock: Clock,
    visitor: Visitor,
    seen: LastEventId = None,
) -> web.StreamResponse:
    """Stream the events of all runs and of the server, from now on, or after the last one seen.

    First the state of queue and backends. With a key they are those of the own runs and of the server; with an admin
    key, everybody's.
    """
    newest, viewer = await journal.last_seq(), visitor.viewer
    response = await open_stream(request)
    after = newest if seen is None else min(seen, newest)
    await response.write(b"id: %d\n\n" % after)  # so that a listener can come back even if nothing happens before
    prefix = prefix_of(request)
    with patience(USUAL_S):  # the answer has begun
        state: tuple[Passing, ...] = (*pool.describe(), await queue.state(), definitions.status())
    for one in state:
        await response.write(message(Event(None, None, "", 0, 0, clock.stamp(), one), prefix))
    events = (
        feeds.of(None, after, direct_writer(request, response)) if viewer is None else feeds.of_viewer(viewer, after)
    )
    return await _stream(events, response, prefix)


async def run_events(
    request: web.Request, feeds: Feeds, runs: Runs, run_id: RunId, seen: LastEventId = None
) -> web.StreamResponse:
    """Stream a run's events from its first one, or after the last one seen, until its end."""
    after = seen or 0
    await check_run(runs, run_id)
    if after and await feeds.is_over(run_id, after):
        return web.Response(status=204)  # tells an EventSource not to come back
    response = await open_stream(request)
    return await _stream(feeds.of(run_id, after, direct_writer(request, response)), response, prefix_of(request))


async def _stream(
    events: AsyncGenerator[Event | None, None], response: web.StreamResponse, prefix: str
) -> web.StreamResponse:
    await pour(events, response, prefix)
    await response.write_eof()
    return response


ROUTES: Final = (
    Route("GET", "/api/events", all_events, "events", media_type=EVENT_STREAM, head=False),
    Route("GET", "/api/runs/{run_id}/events", run_events, "events", (200, 204), media_type=EVENT_STREAM, head=False),
)
