"""The answer for a run that was just accepted, as its client wishes it: at once, when it has ended, or as a stream."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiohttp import hdrs, web

from devserver.durable.idempotency import Accepted, Idempotency
from devserver.model.request import ExecuteRequest
from devserver.runs.answer import Answer
from devserver.runs.runs import Runs
from my_app.addresses.below import below, prefix_of
from my_app.answers.errors import json_response
from my_app.following.feed import Feeds, encode, open_stream, pour
from my_app.views.signature import Reply
from my_app.views.threads import Threads

REPLAYED: Final = {"Idempotency-Replayed": "true"}
PREFERRED_WAIT: Final = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])")


@dataclass(frozen=True)
class Wish:
    """A client's wish for its answer: at once (`no`), when the run has ended, or as a stream of events.

    `timeout_s` ends the waiting, never the run.
    """

    mode: Literal["no", "end", "stream"]
    timeout_s: float = 0.0


def read_wish(asked: ExecuteRequest, headers: Mapping[str, str]) -> Wish:
    """Read how a client wants its answer: from its request, or where that leaves it open from the Prefer header."""
    prefer = headers.get("Prefer", "")
    if asked.enable_streaming:
        return Wish("stream")
    if "respond-async" in prefer.lower() or not asked.wait:
        return Wish("no")
    is_open = "wait_timeout_s" not in asked.model_fields_set
    return Wish("end", preferred_wait_s(prefer, asked.wait_timeout_s) if is_open else asked.wait_timeout_s)


def preferred_wait_s(prefer: str, otherwise: float) -> float:
    """Return for how many seconds a client prefers to wait (RFC 7240)."""
    preferred = PREFERRED_WAIT.search(prefer.lower())
    return float(preferred[1]) if preferred else otherwise


@dataclass(frozen=True)
class Starts:
    """Starts runs, and answers as their clients wish."""

    runs: Runs
    idempotency: Idempotency
    feeds: Feeds
    threads: Threads

    async def answer(
        self,
        request: web.Request,
        accept: Callable[[], Awaitable[Accepted]],
        wish: Wish,
        shape: Callable[[Answer], Answer] = lambda answer: answer,
    ) -> web.StreamResponse:
        """Accept a run, then answer as the client wishes. `shape` makes an ended run's answer the route's own.

        Where the same was asked before with the same key, the answer is the one that was given then.
        """
        run, answer = await self.threads.finish(self._take_on(accept, wish))
        headers = {} if run.first is None else REPLAYED
        if answer is not None:
            return response_of(request, run.run_id, answer, headers)
        if wish.mode == "end":
            ended = shape(await self.runs.wait(run.run_id, wish.timeout_s))
            return response_of(request, run.run_id, ended, headers)
        response = await open_stream(request, headers)
        await pour(self.feeds.of(run.run_id, 0), response, prefix_of(request))
        answer = shape(await self.runs.answer(run.run_id))
        await response.write(encode("answer", below(prefix_of(request), answer.body)))
        await response.write_eof()
        return response

    async def _take_on(self, accept: Callable[[], Awaitable[Accepted]], wish: Wish) -> tuple[Accepted, Answer | None]:
        """Accept a run; with its answer where nobody waits for another one."""
        run = await accept()
        return run, await self.at_once(run) if wish.mode == "no" else None

    async def at_once(self, run: Accepted) -> Answer:
        """Return the answer for a run as of now, or the one that was given before, and keep it for its key."""
        if run.first is not None and run.first.status is not None:
            return Answer(run.first.status, run.first.body)
        answer = await self.runs.answer(run.run_id)
        if run.claim is not None:
            await self.idempotency.keep(run.claim, answer.status, answer.body)
        return answer


def reply_of(run: Accepted, answer: Answer) -> Reply[Any]:
    """Return the answer for a run that was just accepted, as a view returns it."""
    headers = {} if run.first is None else REPLAYED
    return Reply(answer.body, answer.status, {**_location(run.run_id, answer), **headers})


def response_of(request: web.Request, run_id: str, answer: Answer, headers: Mapping[str, str]) -> web.Response:
    """Return the answer of a run as a response; with where to look while it goes on."""
    prefix = prefix_of(request)
    location = {name: prefix + path for name, path in _location(run_id, answer).items()}
    return json_response(answer.status, below(prefix, answer.body), {**location, **headers})


def _location(run_id: str, answer: Answer) -> dict[str, str]:
    return {} if answer.ended else {hdrs.LOCATION: f"/api/runs/{run_id}"}
