"""Probe the health of a backend: its HTTP answers, its worker takes prompts, and our socket receives its events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from devserver.comfy.client import Queue
from devserver.comfy.errors import BackendError
from devserver.comfy.follow import Follower

ANSWER_LIMIT_S: Final = 1.0  # for answers of a healthy backend; one that loads a model may take longer
SECOND_LOOK_S: Final = 0.8  # a worker is idle for a moment between two prompts, and a message takes a moment to arrive


@dataclass(frozen=True)
class Health:
    """The result. `answers` is about HTTP; the others only count for a backend that answers."""

    answers: bool
    worker_alive: bool = True
    socket_alive: bool = True


async def probe(follower: Follower) -> Health:
    """Check a backend, twice if the first check is suspicious. Takes 3 seconds at most, and usually none.

    A dead worker shows while a prompt waits; a dead socket by a ping without an answer, or by a queue whose length
    differs from the last report.
    """
    client = follower.client
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            first = await client.queue()
        before, answered = follower.queue_report, await follower.answers_ping(ANSWER_LIMIT_S)
        if not _idle_with_work(first) and answered and before.length in (None, _length(first)):
            return Health(answers=True)
        await asyncio.sleep(SECOND_LOOK_S)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            second = await client.queue()
    except (BackendError, TimeoutError):
        return Health(answers=False)
    still_waits = set(first.pending) & set(second.pending)
    worker_alive = not (_idle_with_work(first) and _idle_with_work(second) and still_waits)
    report_matches = follower.queue_report.times != before.times or before.length in (None, _length(second))
    socket_alive = (answered or follower.queue_report.times != before.times) and report_matches
    return Health(answers=True, worker_alive=worker_alive, socket_alive=socket_alive)


def _idle_with_work(queue: Queue) -> bool:
    return bool(queue.pending) and not queue.running


def _length(queue: Queue) -> int:
    return len(queue.running) + len(queue.pending)
