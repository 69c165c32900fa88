"""Addresses of backends: a ComfyUI is one backend, a SwarmUI is one for each ComfyUI that it runs."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from devserver.comfy.client import Client, SystemStats
from devserver.comfy.errors import BackendError, Denied, NotServing
from devserver.comfy.follow import Follower
from devserver.comfy.swarm import DIRECT, Swarm, SwarmBackend, SwarmError, reachable_backends, recognise
from devserver.model.server import BackendState
from schemas.nodes import NodeTable

log = logging.getLogger(__name__)

Kind = Literal["auto", "embedded", "comfyui", "swarmui", "agent"]
SOCKET_S: Final = 2.0
REJECTED_S: Final = 30.0
MARK: Final = "#"  # between the name of a SwarmUI and its own number of a backend


@dataclass(frozen=True)
class Use:
    """What its owner wants a backend to be used for.

    Attributes:
        running: how many prompts it runs at a time.
        ready: how many are handed over behind them, shortly before their turn.
        only: the outputs that it makes; an empty set is all.
        never: the outputs that it does not make.
        shares: a name for its GPU: backends with the same name run one prompt at a time; '' shares with none.
        ours: whether runs under `eco` may use it; None where that follows from its address.
    """

    running: int = 1
    ready: int = 1
    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    shares: str = ""
    ours: bool | None = None

    def allows(self, output: str) -> bool:
        """Return whether the backend may make this output."""
        return output not in self.never and (not self.only or output in self.only)


@dataclass(frozen=True)
class Address:
    """Where a backend is, or a SwarmUI with several.

    Attributes:
        kind: `auto` until it was recognised.
        output_folder: its output folder where this machine can read it.
        swarm_folder: SwarmUI's own folder where this machine can read it; its settings name folders below it.
        runs_at: the host on which it runs where that is another than the one that answers.
        use: what its owner wants it to be used for.
    """

    name: str
    kind: Kind
    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    output_folder: Path | None = None
    discovered: bool = False
    swarm_folder: Path | None = None
    runs_at: str = ""
    use: Use = field(default_factory=Use)

    @property
    def remote(self) -> bool:
        """It runs on another machine."""
        if self.use.ours is not None:
            return not self.use.ours
        return any(not _is_local(host) for host in (urlsplit(self.base_url).hostname or "", self.runs_at) if host)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Backend:
    """One backend: its connection, and its last answer.

    `expected`: it may still come where it does not answer, so that a run waits for it.
    """

    def __init__(self, address: Address, client: Client | None = None, suspect: asyncio.Event | None = None) -> None:
        self.address = address
        self.name = address.name
        self.state: Literal["unknown", "up", "down"] = "unknown"
        self.problem = ""
        self.last_problem = ""  # its last problem, kept after it has recovered
        self.stalled = ""  # the reason why it answers and runs nothing
        self.deaf = False  # its socket delivers nothing; its prompts are polled then
        self.expected = not address.discovered
        self.table: NodeTable | None = None
        self.stats = SystemStats()
        self.suspect = suspect or asyncio.Event()  # set where an answer about a prompt did not come
        self._rejected_at = float("-inf")
        self._closed = False
        self.client = client or Client(address.base_url, headers=address.headers)
        self.follower = Follower(self.client, uuid.uuid4().hex, on_trouble=self.suspect.set)

    @property
    def up(self) -> bool:
        return self.state == "up" and self.table is not None

    @property
    def silent(self) -> bool:
        """It is expected to answer, and does not."""
        return self.state != "up" and self.expected

    def note_rejection(self) -> None:
        """Note that it refused a prompt although it answers: for a while others are preferred."""
        self._rejected_at = time.monotonic()

    @property
    def rejects_prompts(self) -> bool:
        return time.monotonic() - self._rejected_at < REJECTED_S

    async def ask(self) -> None:
        """Read its nodes and versions; a backend that does not answer is down, and says why."""
        if self._closed:
            return
        try:
            # Its nodes may come from SwarmUI's memory; its versions come from itself.
            stats = await self.client.system_stats()
            table = await asyncio.to_thread(NodeTable.from_object_info, await self.client.object_info())
            if not table.classes:
                raise NotServing(f"{self.client.base_url}/object_info lists no node", 200)
            self.stats, self.table = stats, table
        except BackendError as e:
            self._set_state("down", str(e))
            return
        self._set_state("down" if self.stalled else "up", self.stalled)
        with suppress(TimeoutError):  # without its socket a backend is asked for its prompts
            async with asyncio.timeout(SOCKET_S):
                await self.follower.start()

    def _set_state(self, state: Literal["up", "down"], problem: str) -> None:
        self.state, self.problem = state, problem
        self.last_problem = problem or self.last_problem

    async def close(self) -> None:
        """Close the connection of a backend that is gone; the prompts that are followed there count as lost."""
        self._closed = True
        self.state, self.problem = "down", f"the backend {self.name} ended"
        self.follower.give_up(self.problem)
        await self.follower.close()
        await self.client.close()

    def describe(self) -> BackendState:
        return BackendState(
            name=self.name,
            kind=self.address.kind,
            state=self.state,
            problem=self.problem,
            last_problem=self.last_problem,
            deaf=self.deaf,
            in_flight=self.follower.prompt_count,
            remote=self.address.remote,
            versions={**self.stats.versions},
            devices=[*self.stats.devices],
        )


class Source:
    """One address, and the backends that it gives now.

    `head` is the ComfyUI itself. Of a SwarmUI it is the state of the whole: it runs nothing, and is waited for while no
    ComfyUI of it runs yet.
    """

    def __init__(self, address: Address) -> None:
        base_url = address.base_url.rstrip("/")
        if address.kind != "comfyui":
            base_url = base_url.removesuffix(DIRECT)
        self.address = replace(address, base_url=base_url)
        self.head = Backend(self.address)
        self._swarm: Swarm | None = None
        self._known: dict[str, Backend] = {}
        self._listed: tuple[str, ...] = ()
        self._asking = asyncio.Lock()

    @property
    def backends(self) -> list[Backend]:
        return [self.head, *(self._known[number] for number in self._listed)]

    @property
    def up(self) -> bool:
        """Every backend of it answers."""
        return self.head.state == "up" and all(backend.up for backend in self.backends[1:])

    async def ask(self) -> None:
        """Recognise the kind of program, then read the nodes and models of each backend."""
        async with self._asking:
            try:
                await self._recognise()
                if self._swarm is not None:
                    await self._ask_swarm(self._swarm)
                    return
            except BackendError as e:
                # What is refused is refused again; what gives no answer may come back, with all that it had.
                self._set_head("down", str(e), expected=not isinstance(e, SwarmError | Denied))
                for number in self._listed:
                    pinned = self._known[number]
                    pinned.state, pinned.problem, pinned.expected = "down", str(e), self.head.expected
                return
            await self.head.ask()

    async def _recognise(self) -> None:
        if self.address.kind == "auto":
            kind = await recognise(self.address.base_url, self.address.headers)
            log.info("%s at %s is a %s", self.address.name, self.address.base_url, kind)
            self.address = self.head.address = replace(self.address, kind=kind)
        if self.address.kind == "swarmui" and self._swarm is None:
            self._swarm = Swarm(self.address.base_url, self.address.headers)

    async def _ask_swarm(self, swarm: Swarm) -> None:
        running = reachable_backends(await swarm.backends())
        numbers = tuple(backend.id for backend in running)
        if not running:
            state = await swarm.state()
            what = "is still loading its ComfyUI" if state.may_start else f"runs no ComfyUI (it is {state.status})"
            hint = "" if state.may_start else " Look at Server > Backends in SwarmUI."
            self._set_head("down", f"SwarmUI {what}. {state.message}{hint}".strip(), expected=state.may_start)
        for gone in set(self._known) - set(numbers):
            await self._give_up(self._known[gone])
        for backend in running:
            entry = self.pinned(backend.id)
            entry.expected = not self.address.discovered
            entry.address = await asyncio.to_thread(self._address_of, backend)
        self._listed = numbers
        await asyncio.gather(*(self._known[number].ask() for number in numbers))
        if any(self._known[number].up for number in numbers):
            self._set_head("up", "")
        elif running:  # its list calls a ComfyUI running for good that it reaches by its address, also a dead one
            self._set_head("down", "SwarmUI answers, but no ComfyUI behind it does")

    def _set_head(self, state: Literal["up", "down"], problem: str, *, expected: bool = True) -> None:
        self.head.state, self.head.problem = state, problem
        self.head.expected = expected and not self.address.discovered

    async def _give_up(self, backend: Backend) -> None:
        """Give up a backend that SwarmUI reports as stopped, so that nothing waits for it."""
        backend.state, backend.problem = "down", f"SwarmUI no longer runs {backend.name}"
        backend.follower.give_up(backend.problem)
        await backend.follower.close()

    def pinned(self, number: str) -> Backend:
        """Return SwarmUI's backend with this number, listed or not."""
        if self._swarm is None:
            self._swarm = Swarm(self.address.base_url, self.address.headers)
        if number not in self._known:
            client = self._swarm.client_for(number)
            name = f"{self.address.name}{MARK}{number}"
            address = replace(
                self.address, name=name, kind="swarmui", base_url=client.base_url, headers=dict(client.headers)
            )
            self._known[number] = Backend(address, client, self.head.suspect)
        return self._known[number]

    def _address_of(self, backend: SwarmBackend) -> Address:
        folder = self.address.output_folder or backend.output_folder(self.address.swarm_folder)
        here = folder if folder is not None and folder.is_dir() else None
        return replace(self._known[backend.id].address, output_folder=here, runs_at=backend.host)

    async def close(self) -> None:
        for backend in [self.head, *self._known.values()]:
            await backend.close()
        if self._swarm is not None:
            await self._swarm.close()


def reachable(backends: Iterable[Backend], execution_mode: str, names: Sequence[str] = ()) -> list[Backend]:
    """Return the backends that a run may use: those of these names, or under `eco` those on this machine.

    The name of a SwarmUI stands for each ComfyUI of it.
    """
    if names:
        return [one for one in backends if one.name in names or one.name.partition(MARK)[0] in names]
    return [one for one in backends if execution_mode == "fast" or not one.address.remote]


async def find_answering(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses where a program of the expected kind answers."""
    found = await asyncio.gather(*(_answers(address) for address in addresses))
    return [address for address, there in zip(addresses, found, strict=True) if there]


async def _answers(address: Address) -> bool:
    try:
        return await recognise(address.base_url) == address.kind
    except BackendError:
        return False
