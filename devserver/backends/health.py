"""Health of backends that answer over HTTP: a dead prompt worker behind a healthy port, and silent sockets.

A worker counts as dead where prompts wait and none runs for some seconds. One that runs a prompt never does:
a node may be silent for as long as it likes. Prompts in its queue stay there and are followed: if the worker
was only slow, the prompt runs and it has recovered. A new connection of the socket shows that it was restarted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from devserver.backends.sources import Backend
from devserver.comfy.errors import BackendError
from devserver.comfy.probe import Health, probe
from devserver.system.clock import Clock

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 2.0
DEAD_AFTER_S: Final = 5.0  # between two prompts a backend may unload models for a moment
RETRY_IDLE_S: Final = 60.0  # with an empty queue nothing can show whether a worker lives, but the next prompt
WORKER_DEAD: Final = "its prompt worker is dead: prompts wait there and none runs. Start it again."


class HealthMonitor:
    """Watches every backend that has prompts of ours, and those whose worker is dead."""

    def __init__(
        self, clock: Clock, backends: Callable[[], Iterable[Backend]], changed: Callable[[Backend], Awaitable[None]]
    ) -> None:
        self._clock, self._backends, self._changed = clock, backends, changed
        self._suspected: dict[Backend, float] = {}
        self._stalled_since: dict[Backend, tuple[float, int]] = {}  # when, and at which of its connections

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)  # there is no event for silence
            await asyncio.gather(*(self._check(backend) for backend in list(self._backends())))

    async def _check(self, backend: Backend) -> None:
        if backend.stalled:
            if await self._has_recovered(backend):
                del self._stalled_since[backend]
                backend.stalled = ""
                log.info("the prompt worker of %s works again", backend.name)
                await self._changed(backend)
        elif backend.up and backend.follower.prompt_count:
            await self._assess(backend, await probe(backend.follower))
        else:
            self._suspected.pop(backend, None)

    async def _assess(self, backend: Backend, pulse: Health) -> None:
        backend.deaf = pulse.answers and not pulse.socket_alive
        if backend.deaf:
            backend.follower.reconnect()  # meanwhile its prompts are asked for
        if not pulse.answers or pulse.worker_alive:
            self._suspected.pop(backend, None)
            return
        now = self._clock.monotonic()
        if now - self._suspected.setdefault(backend, now) >= DEAD_AFTER_S:
            del self._suspected[backend]
            self._stalled_since[backend] = (now, backend.follower.connections)
            backend.stalled = WORKER_DEAD
            log.error("%s: %s", backend.name, WORKER_DEAD)
            await self._changed(backend)

    async def _has_recovered(self, backend: Backend) -> bool:
        at, connections = self._stalled_since[backend]
        if backend.follower.connections > connections:
            return True
        try:
            queue = await backend.client.queue()
        except BackendError:
            return False
        return bool(queue.running) or (not queue.pending and self._clock.monotonic() - at > RETRY_IDLE_S)
