"""The backends: where they are, whether they answer, what they have, and who may use them next."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from devserver.agents.child import Child, ChildFailed
from devserver.clock import Clock
from devserver.comfy.client import Client
from devserver.comfy.errors import BackendError
from devserver.comfy.follow import Follower
from devserver.events import Bus
from devserver.journal import Place
from devserver.tickets import Tickets
from schemas.nodes import NodeTable

log = logging.getLogger(__name__)

PROMPTS_AT_ONCE: Final = 2  # one running, one ready
FIRST_RETRY_S: Final = 1.0
QUEUE_TOLD_S: Final = 0.2  # changes of the queue are told together
Kind = Literal["embedded", "comfyui", "swarmui", "agent"]


@dataclass(frozen=True)
class Address:
    """Where a backend is. `output_folder` is its output folder where this machine can read it."""

    name: str
    kind: Kind
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    output_folder: Path | None = None
    discovered: bool = False

    @property
    def remote(self) -> bool:
        """Whether it is on another machine."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"


class Backend:
    """One backend: its connection, and what it said when it was last asked."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.name = address.name
        self.state: Literal["unknown", "up", "down"] = "unknown"
        self.problem = ""
        self.table: NodeTable | None = None
        self.stats: dict[str, Any] = {}
        self.client = Client(address.base_url, headers=address.headers)
        self.follower = Follower(self.client, uuid.uuid4().hex)

    @property
    def up(self) -> bool:
        return self.state == "up" and self.table is not None

    async def ask(self) -> None:
        """Read its nodes and versions; a backend that does not answer is down, and says why."""
        try:
            self.table = NodeTable.from_object_info(await self.client.object_info())
            self.stats = await self.client.system_stats()
            self.state, self.problem = "up", ""
        except BackendError as e:
            self.state, self.problem = "down", str(e)

    async def close(self) -> None:
        await self.follower.close()
        await self.client.close()

    def describe(self) -> dict[str, Any]:
        system = self.stats.get("system", {})
        told = {"name": self.name, "kind": self.address.kind, "state": self.state, "problem": self.problem}
        versions = {name: value for name, value in system.items() if name.endswith("version")}
        return {**told, "remote": self.address.remote, "versions": versions, "devices": self.stats.get("devices", [])}


class Pool:
    """Every backend in the order in which they are preferred, the embedded one last."""

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        tickets: Tickets,
        bus: Bus,
        clock: Clock,
        embedded_folder: Path | None,
        probe_s: float,
    ) -> None:
        self.tickets, self._bus, self._clock, self._probe_s = tickets, bus, clock, probe_s
        self._addresses, self._embedded_folder = addresses, embedded_folder
        self.backends: list[Backend] = []
        self._embedded: Backend | None = None
        self._child: Child | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._telling: asyncio.TimerHandle | None = None
        self.closing = False  # set before the walks are stopped, so that they keep their places in the queue
        self._granted: dict[tuple[str, str, int], asyncio.Event] = {}

    async def start(self) -> None:
        """Start the embedded backend and begin to watch the others. Returns when each was asked once."""
        self.backends = [Backend(address) for address in self._addresses]
        if self._embedded_folder is not None:
            await self._start_embedded(self._embedded_folder)
            self._tasks.append(asyncio.create_task(self._keep_embedded(self._embedded_folder)))
        for backend in self.backends:
            await backend.follower.start()
        await asyncio.gather(*(self._ask(backend) for backend in self.backends))
        self._tasks += [asyncio.create_task(self._watch(b)) for b in self.backends if b is not self._embedded]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for backend in self.backends:
            await backend.close()
        if self._child is not None:
            await self._child.stop()

    # Which backend

    @property
    def configured(self) -> list[Backend]:
        """Those that somebody named: a discovered or embedded one is never waited for."""
        return [b for b in self.backends if b.address.kind != "embedded" and not b.address.discovered]

    def allowed(self, execution_mode: str) -> list[Backend]:
        """The backends that a run may use: under `eco` only those on this machine."""
        return [b for b in self.backends if execution_mode == "fast" or not b.address.remote]

    def named(self, name: str) -> Backend | None:
        return next((backend for backend in self.backends if backend.name == name), None)

    async def changed(self) -> None:
        """Wait until some backend comes, goes or has other nodes."""
        await self._changed.wait()

    async def refresh(self) -> None:
        """Ask every backend now: a model may have been put there a second ago."""
        await asyncio.gather(*(self._ask(backend) for backend in self.backends))

    async def _ask(self, backend: Backend) -> None:
        before = (backend.state, backend.table)
        await backend.ask()
        if (backend.state, backend.table) != before:
            self._changed.set()
            self._changed = asyncio.Event()
        if backend.state != before[0]:
            log.info("backend %s is %s %s", backend.name, backend.state, backend.problem)
            self._bus.tell(None, "backend", backend.describe())

    async def _watch(self, backend: Backend) -> None:
        pause = self._probe_s
        while True:
            pause = self._probe_s if backend.up else min(self._probe_s, max(FIRST_RETRY_S, pause * 2))
            await asyncio.sleep(pause)
            if backend.up:
                pause = FIRST_RETRY_S / 2  # the first retry after a loss comes soon
            await self._ask(backend)

    # The embedded backend

    async def _start_embedded(self, folder: Path) -> None:
        self._child = Child("embedded", folder)
        base_url = await self._child.start()
        self._embedded = Backend(Address("embedded", "embedded", base_url, output_folder=folder / "output"))
        self.backends.append(self._embedded)

    async def _keep_embedded(self, folder: Path) -> None:
        """Start the embedded backend again when it ends; its prompts are lost and their takes try again."""
        while self._child is not None:
            await self._child.wait()
            log.error("the embedded backend ended; starting it again")
            if self._embedded is not None:
                self.backends.remove(self._embedded)
                await self._embedded.close()
            try:
                await self._start_embedded(folder)
            except ChildFailed as e:
                log.error("the embedded backend does not start: %s", e)  # noqa: TRY400 - its own last lines say more
                return
            backend = self.backends[-1]
            await backend.follower.start()
            await self._ask(backend)

    # Tickets

    @asynccontextmanager
    async def ticket(self, place: Place, backend: Backend) -> AsyncIterator[None]:
        """Wait for a turn at a backend and hold it. The order is the journal's, so it survives a restart."""
        key = (place.run_id, place.stage, place.take)
        turn = self._granted.setdefault(key, asyncio.Event())
        self.tickets.ask(place, backend.name)
        self.next_please()
        try:
            await turn.wait()
            yield
        finally:
            self._granted.pop(key, None)
            if not self.closing:
                self.tickets.give_back(place)
                self.next_please()

    def next_please(self) -> None:
        """Let the next takes go on wherever there is room."""
        for backend in self.backends:
            for key in self.tickets.grant(backend.name, PROMPTS_AT_ONCE):
                if key in self._granted:
                    self._granted[key].set()
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(QUEUE_TOLD_S, self._tell_queue)

    def _tell_queue(self) -> None:
        self._telling = None
        if not self.closing:
            self._bus.tell(None, "queue", {"tickets": self.tickets.listed()})

    def describe(self) -> list[dict[str, Any]]:
        """Every backend's state, for `/ready`, `doctor` and the page."""
        return [backend.describe() for backend in self.backends]


async def answers_comfyui(base_url: str) -> bool:
    """Whether a ComfyUI answers at an address where one usually is."""
    client = Client(base_url)
    try:
        with contextlib.suppress(BackendError):
            return "system" in await client.system_stats()
        return False
    finally:
        await client.close()
