"""Backends that answer and run nothing: a prompt worker that died behind a healthy HTTP port, and deaf sockets.

A worker is taken for dead where prompts wait and none runs, for some seconds on end. One that runs a prompt is never:
a node may say nothing for as long as it likes. What it has in its queue stays there, and is followed: if the worker
was only slow, the prompt runs, and it is back. So it is when its process was started anew, which the socket tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from devserver.backends.sources import Backend
from devserver.comfy.errors import BackendError
from devserver.comfy.pulse import Pulse, feel
from devserver.system.clock import Clock

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
DEAD_AFTER_S: Final = 5.0  # between two prompts a backend may unload models for a moment
ANOTHER_CHANCE_S: Final = 60.0  # with an empty queue nothing can show whether a worker lives, but the next prompt
DEAD: Final = "its prompt worker is dead: prompts wait there and none runs. Start it again."


class Watchman:
    """Looks after every backend that has prompts of ours, and after those whose worker was found dead."""

    def __init__(
        self, clock: Clock, backends: Callable[[], Iterable[Backend]], changed: Callable[[Backend], Awaitable[None]]
    ) -> None:
        self._clock, self._backends, self._changed = clock, backends, changed
        self._suspected: dict[Backend, float] = {}
        self._found_dead: dict[Backend, tuple[float, int]] = {}  # when, and at which of its connections

    async def keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)  # no event tells that nothing happens
            await asyncio.gather(*(self._look(backend) for backend in list(self._backends())))

    async def _look(self, backend: Backend) -> None:
        if backend.stalled:
            if await self._is_back(backend):
                del self._found_dead[backend]
                backend.stalled = ""
                log.info("the prompt worker of %s works again", backend.name)
                await self._changed(backend)
        elif backend.up and backend.follower.following:
            await self._judge(backend, await feel(backend.follower))
        else:
            self._suspected.pop(backend, None)

    async def _judge(self, backend: Backend, pulse: Pulse) -> None:
        backend.deaf = pulse.answers and not pulse.hears
        if backend.deaf:
            backend.follower.refresh()  # meanwhile its prompts are asked for
        if not pulse.answers or pulse.worker:
            self._suspected.pop(backend, None)
            return
        now = self._clock.monotonic()
        if now - self._suspected.setdefault(backend, now) >= DEAD_AFTER_S:
            del self._suspected[backend]
            self._found_dead[backend] = (now, backend.follower.connections)
            backend.stalled = DEAD
            log.error("%s: %s", backend.name, DEAD)
            await self._changed(backend)

    async def _is_back(self, backend: Backend) -> bool:
        at, connections = self._found_dead[backend]
        if backend.follower.connections > connections:
            return True
        try:
            queue = await backend.client.queue()
        except BackendError:
            return False
        return bool(queue.running) or (not queue.pending and self._clock.monotonic() - at > ANOTHER_CHANCE_S)
