"""Connections: what is no HTTP is refused in our own words, and who says nothing is not waited for."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.typedefs import Handler
from aiohttp.web_request import BaseRequest

from my_app.answers.errors import dump, error_body, json_response
from my_app.answers.headers import SECURITY_HEADERS, secure
from my_app.door.auth import TABLE
from my_app.door.room import OF_ADDRESS, OF_ALL, RETRY_S, Room, end_when_unread

LOG: Final = logging.getLogger(__name__)
# Longer than a proxy keeps its connections (nginx: 60 s); and for a first request, all the time its headers have.
QUIET_S: Final = 75.0
MOST_HEADERS: Final = 128
LONGEST_BYTES: Final = 8190
MOST_HEADER_BYTES: Final = 1 << 16
TOO_MANY: Final = "Too many headers"  # aiohttp's words
HEAD_431: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    + "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items()).encode()
    + b"Connection: close\r\n\r\n"
)
HURRY_S: Final = 5.0  # how long a connection without room may wait before it asks for something
REPORTED_EVERY_S: Final = 60.0
NOT_ACCEPTED: Final = "socket.accept() out of system resource"  # asyncio's words, once for each try
LIMITS: Final[dict[str, Any]] = {
    "max_headers": MOST_HEADERS,
    "max_field_size": LONGEST_BYTES,
    "max_line_size": LONGEST_BYTES,
}


class Connection(web.RequestHandler):
    """One connection. `lacks` says of what there was no room for it, '' where there was."""

    __slots__ = ("_address", "_body", "_header_bytes", "_room", "_unread_s", "lacks")

    def __init__(self, manager: web.Server, *, room: Room, unread_s: float, **settings: Any) -> None:
        super().__init__(manager, **settings)
        self._room, self._unread_s, self._address, self.lacks = room, unread_s, "", ""
        self._header_bytes = 0
        self._body: StreamReader = EMPTY_PAYLOAD

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        own = transport.get_extra_info("socket")
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self.lacks = self._room.enter(self._address, own.fileno())
        if self.lacks == OF_ALL:
            self.force_close()
            return
        end_when_unread(own, self._unread_s)
        if self.lacks:  # only to be told so, or for a control route; it may not hold the reserve
            self._loop.call_later(HURRY_S, self._end_if_silent)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._room.leave(self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in; they are counted as long as they belong to headers that are not whole yet."""
        seen, has_body = self._request_count, not self._body.is_eof()
        super().data_received(data)
        if self._request_count != seen and self._messages:
            _, self._body = self._messages[-1]
        if self._request_count != seen or has_body:
            self._header_bytes = 0
            return
        self._header_bytes += len(data)
        if self._header_bytes > MOST_HEADER_BYTES:
            self._refuse_headers()

    def _refuse_headers(self) -> None:
        """End the connection, in words where no other answer is on its way."""
        if self.transport is not None and self._current_request is None:
            body = dump(error_body(431, "headers_too_large", most_kib=MOST_HEADER_BYTES >> 10))
            self.transport.write(HEAD_431 % len(body) + body)
        self.force_close()

    def _end_if_silent(self) -> None:
        if self._current_request is None:
            self.force_close()

    def log_exception(self, *words: Any, exc_info: BaseException | None = None, **more: Any) -> None:
        """Log an error of ours. That a client has gone, or sends a body that cannot be unpacked, is none."""
        if isinstance(exc_info, ConnectionError | web.RequestPayloadError):
            LOG.debug(*words, exc_info=exc_info, **more)
        else:
            super().log_exception(*words, exc_info=exc_info, **more)

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer a request that the parser could not read. It may come from anybody, so it is logged at debug level."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        LOG.debug("unreadable request from %s: %s", request.remote, message)
        if TOO_MANY in (message or ""):
            body = error_body(status := 431, "too_many_headers", most=MOST_HEADERS)
        elif isinstance(exc, LineTooLong):
            body = error_body(status := 431, "header_too_long", most_bytes=LONGEST_BYTES)
        else:
            body = error_body(status, "request_unreadable")
        response = json_response(status, body)
        secure(response)
        response.force_close()
        return response


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what came on a connection that there was no room for: control routes as ever, everything else with why."""
    lacks = request.protocol.lacks if isinstance(request.protocol, Connection) else ""
    if not lacks:
        return await handler(request)
    route = request.app[TABLE].get(request.match_info.route)
    response = await handler(request) if route is not None and route.is_control else _no_room(lacks)
    response.force_close()
    return response


def _no_room(lacks: str) -> web.Response:
    again = {"Retry-After": str(RETRY_S)}
    if lacks == OF_ADDRESS:
        return json_response(429, error_body(429, "too_many_connections", code="too_many_connections"), again)
    return json_response(503, error_body(503, "no_room", code="no_room"), again)


class AcceptTroubles:
    """Handles what goes wrong on the loop: connections that cannot be accepted are logged once a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._reported_at, self._unreported = clock, -math.inf, 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if NOT_ACCEPTED not in str(context.get("message", "")):
            loop.default_exception_handler(context)
            return
        self._unreported += 1
        if self._clock() - self._reported_at >= REPORTED_EVERY_S:
            reason = context.get("exception")
            LOG.error("connections cannot be taken: %s (%d tries; told once a minute)", reason, self._unreported)
            self._reported_at, self._unreported = self._clock(), 0


class Server(web.Server):
    """Makes our connections."""

    def __init__(self, handler: Any, *, room: Room, unread_s: float, **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._room, self._unread_s = room, unread_s

    def __call__(self) -> web.RequestHandler:
        return Connection(self, room=self._room, unread_s=self._unread_s, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on our connections. `shorten` makes the path of each request one of ours."""

    __slots__ = ("_room", "_shorten", "_unread_s")

    def __init__(
        self,
        app: web.Application,
        room: Room,
        unread_s: float,
        shorten: Callable[[RawRequestMessage], RawRequestMessage],
        **settings: Any,
    ) -> None:
        super().__init__(app, keepalive_timeout=QUIET_S, **LIMITS, **settings)
        self._room, self._unread_s, self._shorten = room, unread_s, shorten

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()

        def make_request(message: RawRequestMessage, *rest: Any) -> BaseRequest:
            return made.request_factory(self._shorten(message), *rest)

        return Server(
            made.request_handler,
            room=self._room,
            unread_s=self._unread_s,
            request_factory=make_request,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 - a server of another class is asked for in no other way
            **made._kwargs,  # noqa: SLF001 - same
        )
