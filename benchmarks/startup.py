"""How long a start takes: the help text, the first answer over HTTP, and readiness with the embedded backend."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from time import perf_counter

from aiohttp import ClientConnectionError, ClientSession, ClientTimeout

from benchmarks.numbers import p50
from benchmarks.processes import QUIET, started
from benchmarks.row import Bench, Row

HELP_GOAL_S, HTTP_GOAL_S, READY_GOAL_S = 0.3, 1.0, 2.0
ASKED_EVERY_S = 0.005
PATIENCE_S = 60.0


async def measure(bench: Bench) -> list[Row]:
    times = bench.count(7, 1)
    await helped(), await served(bench.folder / "warm")  # the disk is warm from here on
    helps = [await helped() for _ in range(times)]
    starts = [await served(bench.folder / str(number)) for number in range(times)]
    https, readies = zip(*starts, strict=True)
    return [
        _row("`server.py --help`", helps, HELP_GOAL_S),
        _row("`server.py serve` until HTTP answers", list(https), HTTP_GOAL_S),
        _row("`server.py serve` until `/ready`, with the embedded backend", list(readies), READY_GOAL_S),
    ]


def _row(what: str, seconds: list[float], goal_s: float) -> Row:
    measured = f"p50 {p50(seconds):.2f} s, most {max(seconds):.2f} s"
    return Row(f"{what}, warm disk", measured, f"{goal_s:.1f} s", p50(seconds) <= goal_s, {"p50_s": p50(seconds)})


async def helped() -> float:
    begin = perf_counter()
    async with started(sys.executable, "server.py", "--help") as process:
        await process.communicate()
    return perf_counter() - begin


async def served(exports: Path) -> tuple[float, float]:
    """Seconds from the start of the process to `/health`, and to `/ready` with 200."""
    port = free_port()
    command = ["server.py", "serve", "--port", str(port), "--exports", str(exports)]
    begin = perf_counter()
    async with (
        ClientSession(timeout=ClientTimeout(total=PATIENCE_S)) as http,
        started(sys.executable, *command, environment=QUIET),
    ):
        up = await _until(http, f"http://127.0.0.1:{port}/health", begin)
        return up, await _until(http, f"http://127.0.0.1:{port}/ready", begin)


async def _until(http: ClientSession, url: str, begin: float) -> float:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return perf_counter() - begin
            except ClientConnectionError:
                pass
            await asyncio.sleep(ASKED_EVERY_S)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
