"""A thousand listeners to events that come each 100 ms, and what else the server does beside them."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import Process
from time import perf_counter

from aiohttp import ClientSession

from benchmarks.numbers import ms, p99, spread
from benchmarks.processes import backend, listening_at, started
from benchmarks.ranges import FILE_BYTES, RANGE_BYTES
from benchmarks.row import Bench, Row
from benchmarks.ticking import EVERY_S
from benchmarks.usage import cpu_s, memory_mb
from benchmarks.ways import Through, session

EVENT_GOAL_S, CORE_GOAL, MEMORY_GOAL_MB, JSON_GOAL_S, RANGES_GOAL = 0.100, 0.25, 60.0, 0.050, 1500
# 320 kbit/s are 40 bytes a millisecond: a file of ten megabytes and a little more.
TEN_MEGABYTES_S = 262.0
JSON_ROUTE, JSON_EVERY_S = "/api/schema/status", 0.02


async def measure(bench: Bench) -> list[Row]:
    count, seconds = bench.count(1000, 50), 1.0 if bench.quick else 10.0
    folder = bench.folder / "listeners"
    async with (
        session() as http,
        backend(bench, "listeners", table="instant") as backend_url,
        started(sys.executable, "-m", "benchmarks.ticking", str(folder / "exports"), backend_url) as server,
    ):
        server_url, pid = await listening_at(server), server.pid
        file_url = await ten_megabytes(Through(http, server_url))
        await heard_json(http, server_url, seconds / 10)
        before_mb = memory_mb(pid)
        async with started(sys.executable, "-m", "benchmarks.crowd", server_url, str(count)) as crowd:
            assert crowd.stdout
            await crowd.stdout.readline()
            await told(crowd)
            used, begin = cpu_s(pid), perf_counter()
            await asyncio.sleep(seconds)
            core = (cpu_s(pid) - used) / (perf_counter() - begin)
            alone = await told(crowd)
            added_mb = memory_mb(pid) - before_mb
            answers = await heard_json(http, server_url, seconds / 2)
            ranges = await read_ranges(file_url, seconds / 2)
    due = int(count * seconds / EVERY_S * 0.95)
    assert alone["heard"] >= due, f"{alone['heard']} events arrived; {due} were due"
    late = f"p50 {ms(alone['p50_s'])}, p99 {ms(alone['p99_s'])}"
    what = f"{count} listeners, an event each 100 ms: from publication to arrival"
    return [
        Row(what, late, "p99 under 100 ms", alone["p99_s"] < EVENT_GOAL_S, alone),
        Row("processor time of the server meanwhile", f"{core:.1%} of a core", "under 25 %", core < CORE_GOAL),
        Row(f"memory that {count} listeners add", f"{added_mb:.1f} MB", "under 60 MB", added_mb < MEMORY_GOAL_MB),
        Row(f"`GET {JSON_ROUTE}` beside them", spread(answers), "p99 under 50 ms", p99(answers) < JSON_GOAL_S),
        Row(
            f"ranges of {RANGE_BYTES // 1024} KiB of a 10 MB file beside them",
            f"{ranges:.0f} a second",
            "over 1,500 a second",
            ranges > RANGES_GOAL,
        ),
    ]


async def told(crowd: Process) -> dict[str, float]:
    """What the listeners have heard since the last question."""
    assert crowd.stdin
    assert crowd.stdout
    crowd.stdin.write(b"\n")
    said: dict[str, float] = json.loads(await crowd.stdout.readline())
    return said


async def heard_json(http: ClientSession, url: str, seconds: float) -> list[float]:
    """Seconds of each answer, asked fifty times a second."""
    taken: list[float] = []
    end = perf_counter() + seconds
    while (begin := perf_counter()) < end:
        async with http.get(url + JSON_ROUTE) as answer:
            assert answer.status == 200
            await answer.read()
        taken.append(perf_counter() - begin)
        await asyncio.sleep(max(0.0, JSON_EVERY_S - taken[-1]))
    return taken


async def ten_megabytes(through: Through) -> str:
    """The address of a run's file of that size."""
    params = {"seconds": TEN_MEGABYTES_S, "quality": "320k"}
    made = (await through.run(TEN_MEGABYTES_S, params=params))["media_output"]
    async with through.session.head(through.url + made["url"]) as answer:
        assert int(answer.headers["Content-Length"]) >= FILE_BYTES, answer.headers
    return through.url + str(made["url"])


async def read_ranges(url: str, seconds: float) -> float:
    async with started(sys.executable, "-m", "benchmarks.ranges", url, str(seconds)) as process:
        said, _ = await process.communicate()
        return float(said)
