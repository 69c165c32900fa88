"""The backends: where they are, whether they answer, and what they have."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from devserver.backends.health import HealthMonitor
from devserver.backends.sources import MARK, Address, Backend, Source, reachable
from devserver.durable.bus import Bus
from devserver.host.access import bearer_header, new_token
from devserver.host.child import Child, ChildFailed
from devserver.model.server import BackendState
from devserver.system.clock import Clock

__all__ = ["Address", "Backend", "Pool"]

log = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 1.0
FORM_BYTES: Final = 1 << 20  # of an upload beside the file itself: the form's other fields
START_S: Final = 5.0  # a healthy backend has listed its nodes by then; a slower one joins when it answers
RECHECK_S: Final = 30.0  # a take waits no longer than that for a backend that has lost something
EMBEDDED_STARTS: Final = 3  # in a row, before it is taken for broken
LONGEST_RETRY_S: Final = 60.0


class Pool:
    """Every backend in the order in which they are preferred, the embedded one last.

    Args:
        max_upload_bytes: the largest file that the embedded one takes; None leaves it at what a ComfyUI takes.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        bus: Bus,
        clock: Clock,
        embedded_folder: Path | None,
        embedded_name: str = "embedded",
        probe_s: float,
        max_upload_bytes: int | None = None,
    ) -> None:
        self._bus, self._clock, self._probe_s = bus, clock, probe_s
        self._embedded_folder, self._embedded_name = embedded_folder, embedded_name
        self._max_upload_bytes = max_upload_bytes
        self._sources = [Source(address) for address in addresses]
        self._embedded: Source | None = None
        self._child: Child | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._refreshing: asyncio.Future[list[None]] | None = None
        self._rechecking: dict[Source, asyncio.Task[None]] = {}
        # Called when a backend has come, gone or got other nodes: a take may have queued at one that was not listed.
        self.on_change: Callable[[], None] = lambda: None
        # Called with the name of a backend whose queue has become shorter or longer.
        self.on_queue: Callable[[str], None] = lambda _name: None
        self._monitor = HealthMonitor(clock, lambda: self.backends, self.recheck)

    async def start(self) -> None:
        """Start the embedded backend and begin to watch the others. Returns when each has answered, or after `START_S`.

        Raises:
            ChildFailed: the embedded backend does not start.
        """
        watched = list(self._sources)
        asking = [asyncio.create_task(self._ask(source)) for source in watched]
        self._tasks += asking
        if self._embedded_folder is not None:
            embedded = await self._start_embedded_with_retries(self._embedded_folder, EMBEDDED_STARTS)
            asking.append(asyncio.create_task(self._ask(embedded)))
            self._tasks += [asking[-1], asyncio.create_task(self._keep_embedded(self._embedded_folder))]
        if asking:
            await asyncio.wait(asking, timeout=START_S)
        self._tasks += [asyncio.create_task(self._watch(source)) for source in watched]
        self._tasks.append(asyncio.create_task(self._monitor.watch()))

    async def close(self) -> None:
        asking: list[asyncio.Future[Any]] = [*self._rechecking.values()]
        asking += [self._refreshing] if self._refreshing is not None else []
        for task in [*self._tasks, *asking]:
            task.cancel()
        await asyncio.gather(*self._tasks, *asking, return_exceptions=True)
        for source in self._sources:
            await source.close()
        if self._child is not None:
            await self._child.stop()

    # Which backend

    @property
    def backends(self) -> list[Backend]:
        """All known backends; a SwarmUI's own entry comes before those of its ComfyUIs."""
        return [backend for source in self._sources for backend in source.backends]

    def allowed(self, execution_mode: str, names: Sequence[str] = ()) -> list[Backend]:
        """Return the backends that a run may use: those of these names, or under `eco` those on this machine."""
        return reachable(self.backends, execution_mode, names)

    @property
    def names(self) -> set[str]:
        """The names by which a request may ask for a backend; that of a SwarmUI stands for each ComfyUI of it."""
        return {backend.name for backend in self.backends}

    def named(self, name: str) -> Backend | None:
        """Return the backend of this name; one of a silent SwarmUI counts as known."""
        found = next((backend for backend in self.backends if backend.name == name), None)
        if found is None and MARK in name:
            swarm, _, number = name.rpartition(MARK)
            source = next((source for source in self._sources if source.address.name == swarm), None)
            if source is not None and source.head.silent:
                return source.pinned(number)
        return found

    async def changed(self) -> None:
        """Wait until some backend comes, goes or has other nodes."""
        await self._changed.wait()

    async def refresh(self) -> None:
        """Ask every backend now: a model may have been put there a second ago. Concurrent callers share the answer.

        Returns when each has answered, or after `START_S`: one that answers later is taken up then.
        """
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.gather(*(self._ask(source) for source in self._sources))
        await asyncio.wait([self._refreshing], timeout=START_S)

    async def recheck(self, backend: Backend) -> None:
        """Ask a backend again that has lost something, before a take chooses it.

        Many takes lose their prompts at once: it is asked once for all of them.
        """
        await asyncio.gather(*(self._recheck_source(source) for source in self._sources if backend in source.backends))

    async def _recheck_source(self, source: Source) -> None:
        asking = self._rechecking.get(source)
        if asking is None:
            asking = self._rechecking[source] = asyncio.create_task(self._ask(source))
            asking.add_done_callback(lambda _: self._rechecking.pop(source, None))
        await asyncio.wait([asking], timeout=RECHECK_S)

    async def _ask(self, source: Source) -> None:
        before = {backend: (backend.state, backend.table) for backend in source.backends}
        was_up = source.up
        await source.ask()
        for backend in source.backends:
            backend.follower.on_queue = partial(self._tell_queue, backend.name)
        if was_up and not source.up:
            source.head.suspect.set()  # ask it again soon
        every = {**before, **dict.fromkeys(source.backends)}
        changed = [backend for backend in every if before.get(backend) != (backend.state, backend.table)]
        if changed:
            self._changed.set()
            self._changed = asyncio.Event()
            self.on_change()
        for backend in changed:
            if backend not in before or backend.state != before[backend][0]:
                log.info("backend %s is %s %s", backend.name, backend.state, backend.problem)
                self._bus.tell(None, backend.describe())

    def _tell_queue(self, name: str) -> None:
        self.on_queue(name)

    async def _watch(self, source: Source) -> None:
        pause = FIRST_RETRY_S
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._probe_s if source.up else pause):
                    await source.head.suspect.wait()
            pause = FIRST_RETRY_S if source.up or source.head.suspect.is_set() else min(self._probe_s, pause * 2)
            await self._ask(source)
            source.head.suspect.clear()

    # The embedded backend

    async def _start_embedded(self, folder: Path) -> Source:
        limit = self._max_upload_bytes + FORM_BYTES if self._max_upload_bytes is not None else None
        token = new_token()
        self._child = Child("embedded", folder, max_upload_bytes=limit, token=token)
        base_url = await self._child.start()
        headers = {"Authorization": bearer_header(token)}
        output = folder / "output"
        self._embedded = Source(Address(self._embedded_name, "embedded", base_url, headers, output_folder=output))
        self._sources.append(self._embedded)
        return self._embedded

    async def _keep_embedded(self, folder: Path) -> None:
        """Start the embedded backend again when it ends; its prompts are lost and their takes try again."""
        while self._child is not None:
            await self._child.wait()
            log.error("the embedded backend ended; starting it again")
            gone = self._embedded
            if gone is not None:
                await gone.close()  # it stays listed as silent, so that takes wait for the one that follows
                self.on_change()
            source = await self._start_embedded_with_retries(folder)
            if gone is not None:
                self._sources.remove(gone)
            await self._ask(source)

    async def _start_embedded_with_retries(self, folder: Path, starts: int | None = None) -> Source:
        """Start the embedded backend, again and again where it ends before it listens.

        Raises:
            ChildFailed: it did so `starts` times.
        """
        pause, tried = FIRST_RETRY_S, 0
        while True:
            try:
                return await self._start_embedded(folder)
            except ChildFailed as e:
                tried += 1
                if tried == starts:
                    raise
                log.error("the embedded backend does not start: %s", e)  # noqa: TRY400 - its own last lines say more
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_S)

    def describe(self) -> list[BackendState]:
        """Every backend's state, for `/ready`, `doctor` and the page."""
        return [backend.describe() for backend in self.backends]
