"""Other programs for the same purpose, beside us on the same backend. They are told as absent where they are not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

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
    "sdk": "comfy-sdk through comfy-api-proxy",
    "cli": "comfy-cli (`comfy run --wait`, which fetches nothing)",
}


async def measure(bench: Bench) -> list[Row]:
    async with (
        session() as http,
        backend(bench, "peers") as backend_url,
        server(bench.folder / "peers" / "exports", backend_url) as (server_url, _),
        Bare(http, backend_url).listening() as bare,
    ):
        ways: dict[str, Way] = {"a bare client": bare, "Tonewright": Through(http, server_url)}
        ours = [await _own(bench, name, way) for name, way in ways.items()]
        return [*ours, *[await _peer(bench, name, backend_url) for name in NAMES]]


async def _own(bench: Bench, name: str, way: Way) -> Row:
    for _ in range(WARM):
        await way.make(SHORT_S)
    taken = []
    for _ in range(bench.count(AT_ONCE, 2)):
        begin = perf_counter()
        await way.make(SHORT_S)
        taken.append(perf_counter() - begin)
    return _row(name, {"seconds": taken, "wall_s": await wall(way, SHORT_S, AT_ONCE), "failed": 0})


async def _peer(bench: Bench, name: str, backend_url: str) -> Row:
    what = _what(NAMES[name])
    if not PYTHON.exists():
        return Row(what, "absent; `make bench-peers` installs it")
    count = bench.count(AT_ONCE if name != "cli" else 5, 2)
    async with _served(bench, name, backend_url) as (url, environment):
        command = ["-m", "benchmarks.peer_client", name, url, str(SHORT_S), str(count)]
        async with started(str(PYTHON), *command, environment=environment) as process:
            said, _ = await process.communicate()
    if process.returncode:
        return Row(what, f"did not run here: it ended with {process.returncode}")
    return _row(NAMES[name], json.loads(said), count)


@contextlib.asynccontextmanager
async def _served(bench: Bench, name: str, backend_url: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """The address that the peer is told, behind its own server where it has one, and its environment."""
    if name != "sdk":
        yield backend_url, {}
        return
    url = f"http://127.0.0.1:{(port := free_port())}"
    program, state = str(PYTHON.with_name("comfy-api-proxy")), str(bench.folder / "proxy")
    command = ["run", "--comfyui", backend_url, "--port", str(port), "--state-dir", state]
    async with started(program, *command), session() as http:
        for _ in range(1000):
            with contextlib.suppress(ClientConnectionError):
                async with http.get(url):
                    break
        yield url, {"COMFY_BASE_URL": url}


def _row(name: str, told: dict[str, Any], at_once: int = AT_ONCE) -> Row:
    if not told["seconds"]:
        return Row(_what(name), "every run failed")
    failed = f", {told['failed']} failed" if told["failed"] else ""
    measured = f"p50 {ms(p50(told['seconds']))}; {at_once} at once {ms(told['wall_s'])}{failed}"
    return Row(_what(name), measured, figures={"p50_s": p50(told["seconds"]), "wall_s": told["wall_s"]})


def _what(name: str) -> str:
    return f"beside others, 0.1 s graph: {name}"
