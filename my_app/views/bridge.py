"""Flask behind aiohttp: each request becomes a WSGI call on a thread, and its answer comes back in one piece."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from aiohttp import web
from multidict import CIMultiDict

from my_app.addresses.below import prefix_of
from my_app.incoming.credentials import USER_ID
from my_app.incoming.tracing import TRACE
from my_app.views.threads import Threads

# Hop-by-hop headers belong to one connection, never to the message.
HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

ENVIRON_USER_ID: Final = "tonewright.user_id"


@dataclass(frozen=True)
class Bridge:
    """Calls one WSGI app on threads. A view runs to its end even where its client has gone."""

    app: WSGIApplication
    threads: Threads

    async def call(self, request: web.Request, body: bytes) -> web.Response:
        """Run the app for a request and return what it says."""
        status, headers, content = await self.threads.run(_call, self.app, environ_of(request, body))
        # The length is counted again from the body, except for HEAD, where the header is all that tells it.
        kept = [
            (key, value)
            for key, value in headers
            if key.lower() not in HOP_BY_HOP and (key.lower() != "content-length" or request.method == "HEAD")
        ]
        return web.Response(status=status, headers=kept, body=content)


def environ_of(request: web.Request, body: bytes) -> dict[str, Any]:
    """Return the WSGI environment of a request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": prefix_of(request),
        "PATH_INFO": request.path.encode().decode("latin-1"),  # WSGI carries bytes as latin-1
        "QUERY_STRING": request.rel_url.raw_query_string,
        "SERVER_NAME": request.url.host or "localhost",
        "SERVER_PORT": str(request.url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote or "",
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        ENVIRON_USER_ID: request[USER_ID],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = "HTTP_" + name.upper().replace("-", "_")
        if name.lower() in HOP_BY_HOP or key in {"HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE"}:
            continue
        text = value.encode(errors="surrogateescape").decode("latin-1")  # the bytes as they came
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    if TRACE in request:
        environ["HTTP_TRACEPARENT"] = request[TRACE]
    return environ


def headers_of(request: web.Request) -> Mapping[str, str]:
    """Return the headers of a request by any case, repeated ones joined, with its own span where there is one."""
    headers = CIMultiDict({name: ",".join(request.headers.getall(name)) for name in request.headers})
    if TRACE in request:
        headers["traceparent"] = request[TRACE]
    return headers


def _call(app: WSGIApplication, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    status, headers = HTTPStatus.INTERNAL_SERVER_ERROR.value, list[tuple[str, str]]()

    def start_response(line: str, fields: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = int(line[:3]), fields
        return _refuse_write

    start: StartResponse = start_response
    chunks = app(environ, start)
    try:
        content = b"".join(chunks)  # an app may say its status with its first chunk
        return status, headers, content
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _refuse_write(_: bytes) -> object:
    raise NotImplementedError("this server does not offer WSGI's write()")
