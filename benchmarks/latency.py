"""From a request to the bytes of the sound: one after the other, and twenty at once, beside a bare client."""

from __future__ import annotations

import asyncio
from time import perf_counter

from benchmarks.numbers import ms, p50, spread
from benchmarks.processes import backend, server
from benchmarks.row import Bench, Row
from benchmarks.ways import Bare, Through, Way, session

SHORT_S, LONG_S = 0.1, 1.0
AT_ONCE, FEW = 20, 4
WARM = 3  # the first ones load what both sides load once
ADDED_GOAL_S, ADDED_AT_ONCE_GOAL_S, LONG_RATIO_GOAL, ACCEPTED_GOAL_S = 0.018, 0.150, 1.15, 0.020


async def measure(bench: Bench) -> list[Row]:
    async with (
        session() as http,
        backend(bench, "latency") as backend_url,
        server(bench.folder / "latency" / "exports", backend_url) as (server_url, _),
        Bare(http, backend_url).listening() as bare,
    ):
        through = Through(http, server_url)
        for way in (bare, through) * WARM:
            await way.make(SHORT_S)
        return [
            await one_by_one(bench, bare, through),
            await accepted(bench, through),
            await at_once_short(bench, bare, through),
            await at_once_long(bench, bare, through),
        ]


async def one_by_one(bench: Bench, bare: Way, through: Way) -> Row:
    """In turns, so that whatever else the machine does falls on both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(bench.count(100, 5)):
        for way, times in zip((bare, through), taken, strict=True):
            begin = perf_counter()
            assert len(await way.make(SHORT_S)) > 500
            times.append(perf_counter() - begin)
    floor, ours = map(p50, taken)
    return Row(
        "request to media bytes, 0.1 s graph, one after the other, p50",
        f"bare {ms(floor)}, through us {ms(ours)}: {ms(ours - floor)} added",
        "at most 18 ms added",
        ours - floor <= ADDED_GOAL_S,
        {"bare_s": floor, "through_s": ours, "added_s": ours - floor},
    )


async def accepted(bench: Bench, through: Through) -> Row:
    """How long it takes until a run is promised; each has ended before the next one is asked for."""
    taken: list[float] = []
    for _ in range(bench.count(100, 5)):
        begin = perf_counter()
        run = await through.run(SHORT_S, wait=False)
        taken.append(perf_counter() - begin)
        async with through.session.get(through.url + run["links"]["events"]) as events:
            await events.read()
    return Row(
        "request with `wait: false` until the run is accepted",
        spread(taken),
        "p50 under 20 ms",
        p50(taken) < ACCEPTED_GOAL_S,
        {"p50_s": p50(taken)},
    )


async def at_once_short(bench: Bench, bare: Way, through: Way) -> Row:
    count = bench.count(AT_ONCE, FEW)
    walls = [(await wall(bare, SHORT_S, count), await wall(through, SHORT_S, count)) for _ in range(bench.count(5, 1))]
    floor, ours = (p50(taken) for taken in zip(*walls, strict=True))
    return Row(
        f"{count} at once, 0.1 s graph, until the last has its bytes",
        f"bare {ms(floor)}, through us {ms(ours)}: {ms(ours - floor)} added",
        "at most 150 ms added",
        ours - floor <= ADDED_AT_ONCE_GOAL_S,
        {"bare_s": floor, "through_s": ours, "added_s": ours - floor},
    )


async def at_once_long(bench: Bench, bare: Way, through: Way) -> Row:
    seconds = 2 * SHORT_S if bench.quick else LONG_S
    count = bench.count(AT_ONCE, FEW)
    floor, ours = await wall(bare, seconds, count), await wall(through, seconds, count)
    return Row(
        f"{count} at once, {seconds:g} s graph, until the last has its bytes",
        f"bare {floor:.2f} s, through us {ours:.2f} s: {ours / floor:.3f} times",
        "at most 1.15 times",
        ours / floor <= LONG_RATIO_GOAL,
        {"bare_s": floor, "through_s": ours, "ratio": ours / floor},
    )


async def wall(way: Way, seconds: float, count: int) -> float:
    begin = perf_counter()
    await asyncio.gather(*(way.make(seconds) for _ in range(count)))
    return perf_counter() - begin
