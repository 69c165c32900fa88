"""The answer for a run that was just accepted, as its client wishes it: at once, when it has ended, or as a stream."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from aiohttp import web

from devserver.answer import Answer
from my_app.addresses import below, prefix_of
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.feed import encode, feed, open_stream, pour
from my_app.ports import Accepted, Parts

REPLAYED: Final = {"Idempotency-Replayed": "true"}
PREFERRED_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")


@dataclass(frozen=True)
class Wish:
    """How a client wants its answer: at once (`no`), when the run has ended, or as a stream of events.

    `timeout_s` ends the waiting, never the run.
    """

    mode: Literal["no", "end", "stream"]
    timeout_s: float = 0.0


def read_wish(body: Mapping[str, Any], headers: Mapping[str, str], default_timeout_s: float) -> Wish:
    """Read `wait`, `wait_timeout_s`, `enable_streaming` of an accepted request, and the Prefer header."""
    if body.get("enable_streaming", False):
        return Wish("stream")
    if "respond-async" in headers.get("Prefer", "").lower() or not body.get("wait", True):
        return Wish("no")
    return Wish("end", float(body.get("wait_timeout_s", preferred_wait_s(headers, default_timeout_s))))


def preferred_wait_s(headers: Mapping[str, str], otherwise: float) -> float:
    """Return for how many seconds a client prefers to wait (RFC 7240)."""
    preferred = PREFERRED_WAIT.search(headers.get("Prefer", "").lower())
    return float(preferred[1]) if preferred else otherwise


async def start(
    request: web.Request,
    accept: Callable[[], tuple[Accepted, Wish]],
    shape: Callable[[Answer], Answer] = lambda answer: answer,
) -> web.StreamResponse:
    """Accept a run on a thread, then answer as the client wishes. `shape` makes an ended run's answer the route's own.

    Where the same was asked before with the same key, the answer is the one that was given then.
    """
    context = request.app[CONTEXT]
    run, wish, answer = await context.threads.run(_take_on, context.parts, accept)
    headers = {} if run.first is None else REPLAYED
    if answer is not None:
        return reply(request, run.run_id, answer, headers)
    if wish.mode == "end":
        return reply(request, run.run_id, shape(await context.parts.wait(run.run_id, wish.timeout_s)), headers)
    response = await open_stream(request, headers)
    await pour(feed(context, run.run_id, 0), response, prefix_of(request))
    answer = shape(await context.threads.run(context.parts.answer, run.run_id))
    await response.write(encode("answer", below(prefix_of(request), answer.body)))
    await response.write_eof()
    return response


def _take_on(parts: Parts, accept: Callable[[], tuple[Accepted, Wish]]) -> tuple[Accepted, Wish, Answer | None]:
    """Accept a run; with its answer where nobody waits for another one."""
    run, wish = accept()
    return run, wish, answer_at_once(parts, run) if wish.mode == "no" else None


def answer_at_once(parts: Parts, run: Accepted) -> Answer:
    """Return the answer for a run as of now, or the one that was given before, and keep it for its key."""
    if run.first is not None and run.first.status is not None:
        return Answer(run.first.status, run.first.body)
    answer = parts.answer(run.run_id)
    if run.claim is not None:
        parts.idempotency.keep(run.claim, answer.status, answer.body)
    return answer


def reply(request: web.Request, run_id: str, answer: Answer, headers: Mapping[str, str]) -> web.Response:
    """Return the answer of a run as a response; with where to look while it goes on."""
    prefix = prefix_of(request)
    location = {"Location": f"{prefix}/api/runs/{run_id}"} if answer.status == HTTPStatus.ACCEPTED else {}
    return json_response(answer.status, below(prefix, answer.body), {**location, **headers})
