"""Thousands of runs one after the other: whether the last ones cost what the first did."""

from __future__ import annotations

from statistics import mean
from time import perf_counter

from benchmarks.processes import backend, server
from benchmarks.row import Bench, Row
from benchmarks.usage import cpu_s, memory_mb, tree
from benchmarks.ways import Through, session

FLAT_GOAL, GROWTH_GOAL_MB = 0.10, 20.0
SAMPLES = 20  # of memory, in each part


async def measure(bench: Bench) -> list[Row]:
    part = bench.count(1000, 20)
    async with (
        session() as http,
        backend(bench, "endurance", table="instant") as backend_url,
        server(bench.folder / "endurance" / "exports", backend_url) as (server_url, pid),
    ):
        through = Through(http, server_url)
        for _ in range(bench.count(100, 5)):
            await through.run(0.1)
        parts = [await _some(through, pid, part) for _ in range(5)]
    return _rows(5 * part, parts)


async def _some(through: Through, pid: int, count: int) -> tuple[float, float, float]:
    """Processor seconds and seconds for each run, and megabytes of memory, of the server with its workers."""
    began, used, memory = perf_counter(), sum(map(cpu_s, tree(pid))), []
    for number in range(count):
        await through.run(0.1)
        if number % max(1, count // SAMPLES) == 0:
            memory.append(sum(map(memory_mb, tree(pid))))
    return (sum(map(cpu_s, tree(pid))) - used) / count, (perf_counter() - began) / count, mean(memory)


def _rows(count: int, parts: list[tuple[float, float, float]]) -> list[Row]:
    (cost, wall, memory), (last_cost, last_wall, last_memory) = parts[0], parts[-1]
    change, growth = last_cost / cost - 1, last_memory - memory
    told = f"{cost * 1e3:.1f} and {last_cost * 1e3:.1f} ms of processor time each ({change:+.1%}),"
    return [
        Row(
            f"{count} runs in a row: cost of a run, the first and the last fifth",
            f"{told} {wall * 1e3:.1f} and {last_wall * 1e3:.1f} ms by the clock",
            "flat within 10 %",
            change <= FLAT_GOAL,
            {"first_cpu_s": cost, "last_cpu_s": last_cost, "first_wall_s": wall, "last_wall_s": last_wall},
        ),
        Row(
            f"{count} runs in a row: memory of the server with its workers, the same",
            f"{memory:.1f} and {last_memory:.1f} MB: {growth:+.1f} MB",
            "under 20 MB more",
            growth < GROWTH_GOAL_MB,
            {f"part_{number}_mb": told[2] for number, told in enumerate(parts, 1)},
        ),
    ]
