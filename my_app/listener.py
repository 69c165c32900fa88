"""Connections: what is no HTTP is refused in our own words, and who says nothing is not waited for."""

from __future__ import annotations

import logging
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_request import BaseRequest

from my_app.errors import error_body, json_response

LOG: Final = logging.getLogger(__name__)
# Longer than a proxy keeps its connections (nginx: 60 s); and for a first request, all the time its headers have.
QUIET_S: Final = 75.0


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ()

    def handle_error(
        self, request: BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """What the parser could not read. It may come from anybody, so it is no line in the log at the usual level."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        LOG.debug("unreadable request from %s: %s", request.remote, message)
        message, allowed = "This is no HTTP request that could be read.", "HTTP/1.1"
        if isinstance(exc, LineTooLong):
            status, message, allowed = 431, "The address or a header is too long.", "up to 8190 bytes"
        response = json_response(status, error_body(status, message, allowed=allowed))
        response.force_close()
        return response


class Server(web.Server):
    """Makes our connections."""

    def __call__(self) -> web.RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on our connections."""

    __slots__ = ()

    def __init__(self, app: web.Application, **settings: Any) -> None:
        super().__init__(app, keepalive_timeout=QUIET_S, **settings)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,  # noqa: SLF001 - a server of another class is asked for in no other way
            **made._kwargs,  # noqa: SLF001 - same
        )
