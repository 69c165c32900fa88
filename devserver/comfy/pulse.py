"""Whether a backend that answers is alive: its prompt worker takes prompts, and our socket hears what happens there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from devserver.comfy.client import Queue
from devserver.comfy.errors import BackendError
from devserver.comfy.follow import Follower

ANSWER_LIMIT_S: Final = 1.0  # of what is asked of a backend that is well; one that loads a model may be later
SECOND_LOOK_S: Final = 0.8  # between two prompts a worker is idle for a moment, and a message is on its way for one


@dataclass(frozen=True)
class Pulse:
    """What was found. `answers` is about HTTP; the others are told of a backend that does."""

    answers: bool
    worker: bool = True
    hears: bool = True


async def feel(follower: Follower) -> Pulse:
    """Look at a backend, twice where the first look is suspicious. Takes 3 seconds at most, and mostly none.

    A dead worker is seen while a prompt waits; a deaf socket by a ping that gets no answer, or by a queue whose length
    is another than the one that was told last.
    """
    client = follower.client
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            first = await client.queue()
        heard, answered = follower.heard, await follower.answers(ANSWER_LIMIT_S)
        if not _idle_with_work(first) and answered and heard.length in (None, _length(first)):
            return Pulse(answers=True)
        await asyncio.sleep(SECOND_LOOK_S)
        async with asyncio.timeout(ANSWER_LIMIT_S):
            second = await client.queue()
    except (BackendError, TimeoutError):
        return Pulse(answers=False)
    still_waits = set(first.pending) & set(second.pending)
    worker = not (_idle_with_work(first) and _idle_with_work(second) and still_waits)
    told = follower.heard.times != heard.times or heard.length in (None, _length(second))
    return Pulse(answers=True, worker=worker, hears=(answered or follower.heard.times != heard.times) and told)


def _idle_with_work(queue: Queue) -> bool:
    return bool(queue.pending) and not queue.running


def _length(queue: Queue) -> int:
    return len(queue.running) + len(queue.pending)
