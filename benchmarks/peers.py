"""Other programs for the same purpose, in turns with us on the same backend.

A peer that is not installed is a row that says so.
"""

from __future__ import annotations

import contextlib
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from aiohttp import ClientConnectionError

from benchmarks.latency import AT_ONCE, SHORT_S, WARM, wall
from benchmarks.numbers import ms, p50
from benchmarks.processes import ROOT, backend, server, started
from benchmarks.row import Bench, Row
from benchmarks.startup import free_port
from benchmarks.ways import Bare, Through, Way, session

PYTHON = ROOT / ".cache" / "peers" / "bin" / "python"
NAMES = {
    "simplified": "comfy_api_simplified",
    "headless": "comfy-headless",
    "sdk": "comfy-sdk through comfy-api-proxy",
    "cli": "comfy-cli (`comfy run --wait`, which fetches nothing)",
}
ROUNDS, SLOW_ROUNDS, WALLS = 20, 5, 3
SLOW = "cli"

Make = Callable[[int], Awaitable[tuple[float, int]]]  # so many at once: the seconds until all are done, how many failed


@dataclass
class Peer:
    """A program, and what its runs took."""

    name: str
    make: Make
    most: int
    seconds: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    failed: int = 0
    has_ended: bool = False

    async def run(self, count: int) -> float:
        if self.has_ended:
            return 0.0
        try:
            seconds, failed = await self.make(count)
        except (ConnectionError, EOFError):
            self.has_ended = True
            return 0.0
        self.failed += failed
        return seconds

    def row(self) -> Row:
        if self.has_ended:
            return Row(_what(self.name), "did not run here: its process ended")
        failed = f", {self.failed} failed" if self.failed else ""
        wall_s = p50(self.walls)
        measured = f"p50 {ms(p50(self.seconds))}; {self.most} at once {ms(wall_s)}{failed}"
        return Row(_what(self.name), measured, figures={"p50_s": p50(self.seconds), "wall_s": wall_s})


async def measure(bench: Bench) -> list[Row]:
    if not PYTHON.exists():
        return [Row(_what(name), "absent; `make bench-peers` installs it") for name in NAMES.values()]
    rounds, slow = bench.count(ROUNDS, 2), bench.count(SLOW_ROUNDS, 1)
    async with (
        session() as http,
        backend(bench, "peers") as backend_url,
        server(bench.folder / "peers" / "exports", backend_url) as (server_url, _),
        Bare(http, backend_url).listening() as bare,
        contextlib.AsyncExitStack() as children,
    ):
        own: dict[str, Way] = {"a bare client": bare, "Tonewright": Through(http, server_url)}
        peers = [Peer(name, partial(_own, way), min(AT_ONCE, rounds)) for name, way in own.items()]
        for name, shown in NAMES.items():
            child = await children.enter_async_context(_child(bench, name, backend_url))
            peers.append(Peer(shown, partial(_answer, child), slow if name == SLOW else min(AT_ONCE, rounds)))
        for peer in peers * WARM:
            await peer.run(1)
        for number in range(rounds):
            for peer in peers:
                if number < peer.most:
                    peer.seconds.append(await peer.run(1))
        for _ in range(bench.count(WALLS, 1)):
            for peer in peers:
                peer.walls.append(await peer.run(peer.most))
        return [peer.row() for peer in peers]


async def _own(way: Way, count: int) -> tuple[float, int]:
    return await wall(way, SHORT_S, count), 0


async def _answer(child: Process, count: int) -> tuple[float, int]:
    assert child.stdin
    assert child.stdout
    child.stdin.write(f"{count}\n".encode())
    line = await child.stdout.readline()
    if not line:
        raise EOFError
    told = json.loads(line)
    return told["wall_s"], told["failed"]


@contextlib.asynccontextmanager
async def _child(bench: Bench, name: str, backend_url: str) -> AsyncIterator[Process]:
    """A peer in a process of its own; `sdk` behind its own server."""
    url, environment = backend_url, {}
    async with contextlib.AsyncExitStack() as stack:
        if name == "sdk":
            url = f"http://127.0.0.1:{(port := free_port())}"
            program, state = str(PYTHON.with_name("comfy-api-proxy")), str(bench.folder / "proxy")
            command = ["run", "--comfyui", backend_url, "--port", str(port), "--state-dir", state]
            await stack.enter_async_context(started(program, *command))
            await _listens(url)
            environment = {"COMFY_BASE_URL": url}
        command = ["-m", "benchmarks.peer_client", name, url, str(SHORT_S)]
        yield await stack.enter_async_context(started(str(PYTHON), *command, environment=environment))


async def _listens(url: str) -> None:
    async with session() as http:
        for _ in range(1000):
            with contextlib.suppress(ClientConnectionError):
                async with http.get(url):
                    return


def _what(name: str) -> str:
    return f"beside others, 0.1 s graph: {name}"
