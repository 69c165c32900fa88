"""Waiting for runs: one awaitable for every door whose client wants the finished answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from devserver.durable.bus import Bus, Lagged, Subscription
from devserver.durable.patience import USUAL_S, patience
from devserver.runs.answer import Answer


class Waiting:
    """Waits for the ends of runs. On the loop.

    Args:
        bus: tells of events, `run.ended` among them.
        has_ended: says whether a run has ended.
        answer: builds the answer of a run, as of now.
    """

    def __init__(
        self, bus: Bus, has_ended: Callable[[str], Awaitable[bool]], answer: Callable[[str], Awaitable[Answer]]
    ) -> None:
        self._bus, self._has_ended, self._answer = bus, has_ended, answer
        self._listening: set[Subscription] = set()

    @contextmanager
    def listen(self, run_id: str | None) -> Iterator[Subscription]:
        """Subscribe to a run, or to everything with None, until the block ends or everybody's waiting is ended."""
        subscription = self._bus.subscribe(run_id)
        self._listening.add(subscription)
        try:
            yield subscription
        finally:
            self._listening.discard(subscription)
            subscription.close()

    async def for_answer(self, run_id: str, timeout_s: float) -> Answer:
        """Return the answer of a run as soon as it has ended; as of now once the time is up or `close` was called.

        It subscribes before it reads, so it misses no end.
        """
        with self.listen(run_id) as events, patience(USUAL_S):  # a silent database does not end the waiting
            events.hears_only("run.ended")
            try:
                async with asyncio.timeout(timeout_s):
                    ended = await self._has_ended(run_id)
                    while True:
                        if ended and (answer := await self._answer(run_id)).ended:
                            return answer
                        event = await anext(events)
                        ended = isinstance(event, Lagged) or event.kind == "run.ended"
            except (TimeoutError, StopAsyncIteration):
                return await self._answer(run_id)

    def close(self) -> None:
        """End everybody's waiting and listening: the server stops."""
        for subscription in tuple(self._listening):
            subscription.close()
