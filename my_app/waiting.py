"""Waiting for a run, for a client that wants the finished answer: on the loop, so that it costs no thread.

A Flask view makes the run and says in an internal header how the client wants to wait; the front takes the header away.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, Literal

from aiohttp import web
from werkzeug.datastructures import Headers

from devserver.events import Lagged
from my_app.addresses import prefix_of
from my_app.bridge import Reply, environ_of, send
from my_app.context import Context
from my_app.feed import encode, feed, listen, open_stream, pour

WAIT_HEADER: Final = "Tonewright-Wait"
REPLAYED: Final = {"Idempotency-Replayed": "true"}
PREFERRED_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")

Mode = Literal["no", "end", "stream"]


@dataclass(frozen=True)
class Wish:
    """How a client wants its answer: at once (`no`), when the run has ended, or as a stream of events.

    `timeout_s` ends the waiting, never the run.
    """

    mode: Mode
    timeout_s: float = 0.0


@dataclass(frozen=True)
class Wait:
    """The wish together with the run that it is about, and the path of the view that answers for it.

    `replayed`: the run was there before, made by the same request with the same key.
    """

    run_id: str
    wish: Wish
    path: str
    replayed: bool = False

    def header(self) -> str:
        return f"{self.run_id} {self.wish.mode} {self.wish.timeout_s} {self.path} {int(self.replayed)}"

    @classmethod
    def read(cls, header: str) -> Wait:
        run_id, mode, timeout_s, path, replayed = header.split(" ")
        wish = Wish("stream" if mode == "stream" else "end", float(timeout_s))
        return cls(run_id, wish, path, replayed=replayed == "1")


def read_wish(body: Mapping[str, Any], headers: Headers, default_timeout_s: float) -> Wish:
    """Read `wait`, `wait_timeout_s`, `enable_streaming` of an accepted request, and the Prefer header."""
    if body.get("enable_streaming", False):
        return Wish("stream")
    prefer = headers.get("Prefer", "").lower()
    if "respond-async" in prefer or not body.get("wait", True):
        return Wish("no")
    preferred = PREFERRED_WAIT.search(prefer)
    otherwise = float(preferred[1]) if preferred else default_timeout_s
    return Wish("end", float(body.get("wait_timeout_s", otherwise)))


async def finish(request: web.Request, context: Context, wait: Wait) -> web.StreamResponse:
    """Answer as the client wished: with the finished answer, or with the run's events and the finished answer last."""
    ask = partial(_ask, request, context, wait.path)
    headers = REPLAYED if wait.replayed else {}
    if wait.wish.mode == "end":
        reply = await _at_the_end(context, wait, ask)
        return await send(request, replace(reply, headers=[*reply.headers, *headers.items()]))
    response = await open_stream(request, headers)
    await pour(feed(context, wait.run_id, 0), response, prefix_of(request))
    answer = await ask()
    await response.write(encode("answer", json.loads(await answer.whole())))
    await response.write_eof()
    return response


async def _at_the_end(context: Context, wait: Wait, ask: Callable[[], Awaitable[Reply]]) -> Reply:
    """The answer when the run has ended, or the 202 when the time is up or the server stops."""
    with listen(context, wait.run_id) as events:
        try:
            async with asyncio.timeout(wait.wish.timeout_s):
                # It may have ended before this listened.
                ended = await asyncio.to_thread(context.parts.has_ended, wait.run_id)
                while True:
                    if ended and (answer := await ask()).status != HTTPStatus.ACCEPTED:
                        return answer
                    event = await anext(events)
                    ended = isinstance(event, Lagged) or event.kind == "run.ended"
        except (TimeoutError, StopAsyncIteration):
            return await ask()


async def _ask(request: web.Request, context: Context, path: str) -> Reply:
    """The run's answer, from the same Flask view that serves it to everybody."""
    environ = environ_of(request, BytesIO(), method="GET", path=path)
    return await context.bridge.call(environ)
