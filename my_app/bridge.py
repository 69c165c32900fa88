"""Flask behind aiohttp: each request becomes a WSGI call on a thread.

A view that is done at once answers in one piece. A view that streams does so through a short queue, so that a slow
client holds up its own view and nobody else; when the client goes, the view is closed after its next chunk.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final, Self
from wsgiref.types import StartResponse, WSGIApplication

from aiohttp import web

from my_app.addresses import prefix_of
from my_app.arriving import arriving

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
IN_MEMORY_BYTES: Final = 1 << 20
READ_BYTES: Final = 1 << 16
QUEUED_CHUNKS: Final = 8
CLOSED_WITHIN_S: Final = 1.0

# Who asks: one middleware puts it on the request, and the view finds it in its environment.
USER_ID: Final = web.RequestKey("user_id", str)
# The request's own span, which takes the place of the one that it came from.
TRACE: Final = web.RequestKey("trace", str)
ENVIRON_USER_ID: Final = "tonewright.user_id"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Reply:
    """What the WSGI app said. `body` is whole, or a stream of chunks that must be closed."""

    status: int
    headers: Headers
    body: bytes | _Call

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    async def whole(self) -> bytes:
        """The body in one piece."""
        if isinstance(self.body, bytes):
            return self.body
        with closing(self.body) as chunks:
            return b"".join([chunk async for chunk in chunks])


class Bridge:
    """Calls one WSGI app on at most `threads` threads."""

    def __init__(self, app: WSGIApplication, threads: int) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="flask")

    async def close(self) -> None:
        """Wait until every view has returned, for a while: a view that waits for a database may never."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def call(self, environ: dict[str, Any]) -> Reply:
        """Run the app; return when its status is known and, unless it streams, its body too.

        The view runs to its end even if the caller is cancelled: what it has begun must not stop half-way.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        call = _Call(loop, reply)
        self._threads.submit(call.run, self._app, environ)
        try:
            return await reply
        except asyncio.CancelledError:
            call.close()
            raise


async def send(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a reply on to the client."""
    # The length is counted again from the body, except for HEAD, where the header is all that tells it.
    headers = [
        (key, value)
        for key, value in reply.headers
        if key.lower() not in HOP_BY_HOP and (key.lower() != "content-length" or request.method == "HEAD")
    ]
    if isinstance(reply.body, bytes):
        return web.Response(status=reply.status, headers=headers, body=reply.body)
    response = web.StreamResponse(status=reply.status, headers=headers)
    with closing(reply.body) as chunks:
        await response.prepare(request)
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    return response


async def read_body(request: web.Request, max_bytes: int) -> IO[bytes]:
    """The request's body, rewound; large ones go to a temporary file. More than `max_bytes` is a 413."""
    if (request.content_length or 0) > max_bytes:
        raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=request.content_length or 0)
    body: IO[bytes] = SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115 - the view's environ owns it
    with ExitStack() as undo:
        undo.callback(body.close)  # whatever ends it early, nobody will read what has come
        size = 0
        async for chunk in arriving(request, lambda: request.content.read(READ_BYTES)):
            size += len(chunk)
            if size > max_bytes:
                raise web.HTTPRequestEntityTooLarge(max_size=max_bytes, actual_size=size)
            body.write(chunk)
        undo.pop_all()
    body.seek(0)
    return body


def environ_of(request: web.Request, body: IO[bytes], *, method: str = "", path: str = "") -> dict[str, Any]:
    """The WSGI environment of a request; `method` and `path` put another question under the same headers."""
    length = body.seek(0, 2)
    body.seek(0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method or request.method,
        "SCRIPT_NAME": prefix_of(request),
        "PATH_INFO": (path or request.path).encode().decode("latin-1"),  # WSGI carries bytes as latin-1
        "QUERY_STRING": "" if path else request.rel_url.raw_query_string,
        "SERVER_NAME": request.url.host or "localhost",
        "SERVER_PORT": str(request.url.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.remote or "",
        "CONTENT_LENGTH": str(length),
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        ENVIRON_USER_ID: request[USER_ID],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": body,
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


class _Call:
    """One WSGI call: the thread's side and the loop's side of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, reply: asyncio.Future[Reply]) -> None:
        self._loop = loop
        self._reply = reply
        self._chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(QUEUED_CHUNKS)
        self._gone = False  # the client no longer reads

    def run(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        try:
            self._run(app, environ)
        except Exception as error:  # noqa: BLE001 # reason: whatever the app raises is raised again where it is awaited
            self._settle(self._reply.set_exception, error)
            self._put(error)
        finally:
            environ["wsgi.input"].close()

    def _run(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        status, headers = HTTPStatus.INTERNAL_SERVER_ERROR.value, Headers()

        def start_response(line: str, fields: Headers, *_: Any) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = int(line[:3]), fields
            return _refuse_write

        start: StartResponse = start_response
        iterable: Iterable[bytes] = app(environ, start)
        try:
            chunks = iter(iterable)
            first = next(chunks, b"")  # the status is known by now at the latest
            length = next((int(value) for key, value in headers if key.lower() == "content-length"), None)
            if length is not None and length <= IN_MEMORY_BYTES:
                self._settle(self._reply.set_result, Reply(status, headers, first + b"".join(chunks)))
                return
            self._settle(self._reply.set_result, Reply(status, headers, self))
            self._pass_on(first, chunks)
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()

    def _pass_on(self, first: bytes, chunks: Iterator[bytes]) -> None:
        self._put(first)
        while not self._gone:
            chunk = next(chunks, None)
            self._put(chunk)
            if chunk is None:
                return

    def _put(self, item: bytes | BaseException | None) -> None:
        if not self._gone:
            asyncio.run_coroutine_threadsafe(self._chunks.put(item), self._loop).result()

    def _settle(self, settle: Callable[[Any], None], value: Any) -> None:
        def on_loop() -> None:
            if not self._reply.done():
                settle(value)

        self._loop.call_soon_threadsafe(on_loop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        item = await self._chunks.get()
        if item is None:
            raise StopAsyncIteration
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """Nobody reads on: let a view that waits for room go on, see that it is alone, and end."""
        self._gone = True
        while not self._chunks.empty():
            self._chunks.get_nowait()


def _refuse_write(_: bytes) -> object:
    raise NotImplementedError("this server does not offer WSGI's write()")
