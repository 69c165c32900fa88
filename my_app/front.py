"""The front: one listener for everything. Flask views go over the bridge; what waits or streams stays on the loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import hdrs, web

from devserver.app import App
from devserver.files.uploads import Uploads
from devserver.playback.stream import Streams
from devserver.runs.runs import Runs
from my_app.addresses.below import prefix_of
from my_app.addresses.proxies import locate
from my_app.addresses.public_urls import own_path
from my_app.answers.compression import compress
from my_app.answers.errors import BEGUN, error_body, errors, json_response
from my_app.answers.headers import secure
from my_app.door.auth import TABLE, check_runs, identify
from my_app.door.context import CONTEXT, Context, Described, FrontSettings
from my_app.door.cors import share
from my_app.door.guard import guard
from my_app.door.listener import AcceptTroubles, Runner, admit
from my_app.door.opened import OpenRequests
from my_app.door.room import Room
from my_app.door.visitors import Owners, Visitor
from my_app.flask_app import create_flask
from my_app.following.feed import Feeds
from my_app.following.starts import Starts
from my_app.incoming.arriving import STALL
from my_app.incoming.bodies import read_body
from my_app.incoming.credentials import USER_ID
from my_app.incoming.tracing import trace_requests
from my_app.routes.media import tag_files
from my_app.table import ROUTES
from my_app.views.bridge import Bridge, headers_of
from my_app.views.openapi import build_openapi
from my_app.views.replies import render
from my_app.views.route import Route
from my_app.views.signature import Asked, Headers
from my_app.views.threads import Threads

BACKLOG: Final = 1024  # connections that the system keeps until they are taken
TAKEN_AT_ONCE: Final = 8  # before the loop looks at those that it has, so that a burst does not use up the descriptors
LARGE_BYTES: Final = 1 << 15  # JSON of more is read on a thread
SHUTDOWN_S: Final = 3.0  # how long requests may go on after the server was asked to stop


NativeView = Callable[[web.Request], Awaitable[web.StreamResponse]]


def create_front(
    server: App, settings: FrontSettings, *, version: str, routes: Sequence[Route] = ROUTES
) -> web.Application:
    """Return the whole HTTP side as one aiohttp application."""
    around = [trace_requests(server.tracing)] if server.tracing else []
    located = locate(settings.proxies, settings.public_urls)
    app = web.Application(
        middlewares=[*around, compress, admit, errors, guard(settings), located, identify, check_runs]
    )
    app[STALL] = settings.stall_s
    threads = Threads(settings.threads)
    owners, opened = Owners(server.runs.owner), OpenRequests(server.keys)
    given = _view_objects(server, settings, threads, owners)
    given[Described] = build_openapi(routes, version)
    app[CONTEXT] = Context(given, server.keys, server.sessions, threads, settings, owners, opened)
    bridge = Bridge(create_flask(given, routes), threads)
    app[TABLE] = table = dict[web.AbstractRoute, Route]()
    for route in routes:
        view = _native_view(route) if route.native else _flask_view(bridge, route)
        methods = [route.method, *([hdrs.METH_HEAD] if route.method == hdrs.METH_GET and route.head else [])]
        table.update((app.router.add_route(m, route.path, view, expect_handler=_expect), route) for m in methods)
    app.cleanup_ctx.append(_watch_keys)
    app.on_response_prepare.append(_secure)
    app.on_response_prepare.append(tag_files)
    app.on_shutdown.append(_end_streams)
    app.on_cleanup.append(lambda app: app[CONTEXT].threads.close())
    return app


def _view_objects(server: App, settings: FrontSettings, threads: Threads, owners: Owners) -> dict[Any, Any]:
    """Return the objects that a view may ask for, by their types."""
    feeds = Feeds(server.journal, server.runs, owners, settings.heartbeat_s)
    starts = Starts(server.runs, server.idempotency, feeds, threads)
    objects = (
        *(settings, threads, feeds, starts),
        *(server.runs, server.queue, server.media, server.streams, server.uploads),
        *(server.definitions, server.authoring, server.models, server.pool),
        *(server.keys, server.sessions, server.idempotency),
        *(server.journal, server.clock, server.readiness, server.metrics),
    )
    return {type(one): one for one in objects}


def _flask_view(bridge: Bridge, route: Route) -> NativeView:
    async def view(request: web.Request) -> web.StreamResponse:
        return await bridge.call(request, await read_body(request, route.max_body_bytes))

    return view


def _native_view(route: Route) -> NativeView:
    """Call a view with its arguments. What takes the processor long, a large body or answer, is done on a thread."""
    reads_body = route.body is not None

    async def view(request: web.Request) -> web.StreamResponse:
        context = request.app[CONTEXT]
        body = await read_body(request, route.max_body_bytes) if reads_body else b""
        headers = headers_of(request)
        visitor = Visitor(request[USER_ID], context.keys)
        given = {**context.given, web.Request: request, Headers: headers, Visitor: visitor}
        asked = Asked(request.match_info, request.query, headers, body, given)
        if len(body) > LARGE_BYTES:
            arguments = await context.threads.run(route.signature.bind, asked)
        else:
            arguments = route.signature.bind(asked)
        result = await route.view(**arguments)
        if isinstance(result, web.StreamResponse):
            return result
        status, answer_headers, content = render(route, result, prefix_of(request))
        return web.Response(status=status, headers=answer_headers, body=content)

    return view


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Answer a client that asks before it sends its body; None where 100 Continue has told it to go on."""
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        body = error_body(417, "expectation_unknown", field=hdrs.EXPECT)
        return json_response(417, body)
    context, route = request.app[CONTEXT], request.app[TABLE][request.match_info.route]
    limit = context.given[Uploads].limit_bytes if route.forms else route.max_body_bytes
    if (request.content_length or 0) > limit:
        body = error_body(413, "body_too_large", limit_bytes=limit)
        return json_response(413, body)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # that was no part of the answer
    return None


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    request[BEGUN] = True
    secure(response)
    share(request, response, request.app[CONTEXT].settings.origins)


async def _watch_keys(app: web.Application) -> AsyncIterator[None]:
    watching = asyncio.create_task(app[CONTEXT].opened.watch())
    yield
    watching.cancel()
    await asyncio.wait({watching})


async def _end_streams(app: web.Application) -> None:
    app[CONTEXT].given[Runs].waiting.close()
    app[CONTEXT].given[Streams].close()


@dataclass(frozen=True)
class Listening:
    """A front that answers at `url` until it is closed."""

    url: str
    port: int
    runner: web.AppRunner

    async def close(self) -> None:
        """Take no more connections, end the streams, let requests finish, close."""
        await self.runner.cleanup()


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Return a socket for each address of a host."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as undo:
        made = [
            undo.enter_context(socket.create_server(address[:2], family=family))
            for family, _, _, _, address in dict.fromkeys(found)
        ]
        undo.pop_all()
    return made


async def listen_at(app: web.Application, host: str, port: int) -> Listening:
    """Listen; with port 0 the system picks one.

    Raises:
        OSError: the port is taken, or the host is none of this machine's.
    """
    # A view on the loop ends when its client goes; a Flask view, once begun, never does (see Threads.run).
    settings = app[CONTEXT].settings
    room = Room(settings.connections_per_address)
    shorten = partial(own_path, urls=settings.public_urls)
    runner = Runner(
        app, room, settings.unread_s, shorten, handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_S
    )
    asyncio.get_running_loop().set_exception_handler(AcceptTroubles())
    await runner.setup()
    try:
        for listening in await _bind(host, port):
            await web.SockSite(runner, listening, backlog=TAKEN_AT_ONCE).start()
            listening.listen(BACKLOG)
    except OSError:
        await runner.cleanup()
        raise
    bound = runner.addresses[0][1]
    name = f"[{host}]" if ":" in host else host
    return Listening(f"http://{name}:{bound}", bound, runner)
