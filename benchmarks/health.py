"""Requests per second of the smallest route: what the front can do at all."""

from __future__ import annotations

import asyncio
from time import perf_counter

from aiohttp import ClientSession

from benchmarks.numbers import spread

CLIENTS = 16


async def measure(session: ClientSession, server_url: str, *, seconds: float) -> str:
    alone = await loop(session, server_url, seconds)
    begin = perf_counter()
    several = await asyncio.gather(*(loop(session, server_url, seconds) for _ in range(CLIENTS)))
    elapsed = perf_counter() - begin
    every = [second for taken in several for second in taken]
    return "\n".join(
        [
            "GET /health",
            f"  one client               {spread(alone)}   {len(alone) / sum(alone):7.0f} requests/s",
            f"  {CLIENTS} clients               {spread(every)}   {len(every) / elapsed:7.0f} requests/s",
        ]
    )


async def loop(session: ClientSession, server_url: str, seconds: float) -> list[float]:
    """Asks for `seconds` seconds, one request after the other; the seconds of each."""
    taken: list[float] = []
    begin = last = perf_counter()
    while last - begin < seconds:
        async with session.get(f"{server_url}/health") as answer:
            assert answer.status == 200
            await answer.read()
        now = perf_counter()
        taken.append(now - last)
        last = now
    return taken
