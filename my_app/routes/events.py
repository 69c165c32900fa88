"""What happens, as it happens: Server-Sent Events that can be resumed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from aiohttp import web

from devserver.errors import InputError
from devserver.runs.events import Event
from my_app.addresses import prefix_of
from my_app.auth import viewer_of, visible
from my_app.context import CONTEXT
from my_app.feed import feed, is_over, message, open_stream, pour, straight
from my_app.route import Reply, Route, unknown_run


async def all_events(request: web.Request) -> web.StreamResponse:
    """The state of queue and backends, then the events of all runs from now on, or from the last one seen.

    With a key they are those of the own runs and of the server; with an admin key, everybody's.
    """
    context, viewer = request.app[CONTEXT], viewer_of(request)
    newest = await asyncio.to_thread(context.parts.last_seq)
    seen = last_event_id(request)
    response = await open_stream(request)
    after = newest if seen is None else min(seen, newest)
    await response.write(b"id: %d\n\n" % after)  # so that a listener can come back even if nothing happens before
    prefix = prefix_of(request)
    for event in await asyncio.to_thread(context.parts.snapshot):
        await response.write(message(event, prefix))
    if viewer is None:
        return await _stream(feed(context, None, after, straight(request, response)), response, prefix)
    return await _stream(visible(context, viewer, feed(context, None, after)), response, prefix)


async def run_events(request: web.Request) -> web.StreamResponse:
    """A run's events from its first one, or from the last one seen, up to its end."""
    context, run_id = request.app[CONTEXT], request.match_info["run_id"]
    after = last_event_id(request) or 0
    if await asyncio.to_thread(context.parts.run_detail, run_id) is None:
        raise unknown_run(run_id)
    if after and await is_over(context, run_id, after):
        return web.Response(status=204)  # tells an EventSource not to come back
    response = await open_stream(request)
    return await _stream(feed(context, run_id, after, straight(request, response)), response, prefix_of(request))


async def _stream(
    events: AsyncGenerator[Event | None, None], response: web.StreamResponse, prefix: str
) -> web.StreamResponse:
    await pour(events, response, prefix)
    await response.write_eof()
    return response


def last_event_id(request: web.Request) -> int | None:
    """The number of the last event that the listener has; None where it comes for the first time."""
    sent = request.headers.get("Last-Event-ID", "")
    if not sent:
        return None
    if not sent.isdecimal() or len(sent) > 18:
        message = "Last-Event-ID is the number of an event."
        raise InputError(message, status=400, field="Last-Event-ID", value=sent, allowed="a number, 0 or more")
    return int(sent)


STREAM: Final = Reply(
    "The events, until the server stops or (one run) the run has ended. The data of each is an Event.",
    {"type": "string", "contentSchema": {"$ref": "#/components/schemas/Event"}},
    "text/event-stream",
)
BAD_NUMBER: Final = Reply("Last-Event-ID is no number.", "Error")
ROUTES: Final = (
    Route(
        "GET",
        "/api/events",
        all_events,
        "events",
        "The events of all runs and of the server",
        {200: STREAM, 400: BAD_NUMBER},
        head=False,
    ),
    Route(
        "GET",
        "/api/runs/{run_id}/events",
        run_events,
        "events",
        "The events of one run",
        {
            200: STREAM,
            204: Reply("The run has ended and the listener has everything."),
            400: BAD_NUMBER,
            404: Reply("There is no such run.", "Error"),
        },
        head=False,
    ),
)
