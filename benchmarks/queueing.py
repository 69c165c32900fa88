"""Two hundred runs that several clients queue at once: every one gets its own sound, and the backend does not wait."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Any

from aiohttp import ClientSession

from benchmarks.host import TIMES
from benchmarks.processes import backend, server
from benchmarks.row import Bench, Row
from benchmarks.ways import Through, session

CLIENTS = 8
BUSY_GOAL = 0.95
STEP_S = 0.002
# How much shorter and longer an MP3 is decoded than it was: LAME adds up to a millisecond at the ends of some lengths.
SHORTER_S, LONGER_S = STEP_S / 4, STEP_S * 3 / 4


async def measure(bench: Bench) -> list[Row]:
    count = bench.count(200, CLIENTS)
    async with (
        session() as http,
        backend(bench, "queueing") as backend_url,
        server(bench.folder / "queueing" / "exports", backend_url) as (server_url, _),
    ):
        through = Through(http, server_url)
        for _ in range(3):
            await through.run(0.1)
        lengths = [round(0.1 + STEP_S * number, 3) for number in range(count)]
        begin = perf_counter()
        shares = [lengths[client::CLIENTS] for client in range(CLIENTS)]
        right = sum(await asyncio.gather(*(_client(through, share) for share in shares)))
        wall = perf_counter() - begin
        busy = None if bench.comfyui_url else await _busy(http, backend_url, count)
    rows = [
        Row(
            f"{count} queued runs from {CLIENTS} clients: each its own sound",
            f"{right} of {count} right, {wall:.1f} s",
            f"{count} of {count}",
            right == count,
            {"right": right, "wall_s": wall},
        )
    ]
    what, goal = "the backend meanwhile", "busy over 95 % of the time"
    if busy is None:
        return [*rows, Row(what, "a real ComfyUI does not tell when it was busy", goal)]
    return [*rows, Row(what, f"busy {busy:.1%} of the time", goal, busy > BUSY_GOAL, {"busy": busy})]


async def _client(through: Through, lengths: list[float]) -> int:
    """Queues all of its runs at once; how many of them came back with their own sound."""
    return sum(await asyncio.gather(*(_is_right(through, length) for length in lengths)))


async def _is_right(through: Through, seconds: float) -> bool:
    made: dict[str, Any] = (await through.run(seconds))["media_output"]
    facts = made["metadata"]["facts"]
    async with through.session.get(through.url + made["url"]) as answer:
        size = len(await answer.read())
    own = made["metadata"]["parameters"]["seconds"] == seconds
    own = own and -SHORTER_S < facts["seconds"] - seconds < LONGER_S
    return answer.status == 200 and own and size > 500


async def _busy(http: ClientSession, backend_url: str, count: int) -> float:
    """The part of the time from the first prompt's beginning to the last one's end in which one of them ran."""
    async with http.get(backend_url + TIMES) as answer:
        runs: list[tuple[float, float]] = (await answer.json())["runs"][-count:]
    return sum(end - begin for begin, end in runs) / (runs[-1][1] - runs[0][0])
