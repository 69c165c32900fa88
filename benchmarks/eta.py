"""When a run will be done, as the server says it when it accepts one: a stream of mixed runs from several clients.

Outputs, lengths and the sizes of bursts are drawn with a fixed seed. The first runs are not judged: nothing is known
then.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import ClientSession

from benchmarks.processes import host, server
from benchmarks.row import Bench, Row
from benchmarks.ways import session

CLIENTS: Final = 8
LEARNING: Final = 20
INSIDE_GOAL: Final = 0.8
NARROW_GOAL: Final = 0.8
LONGEST_BURST: Final = 3
PACED: Final = 0.6  # of the runs take as long as their sound; the others what the processor takes
EXECUTE: Final = "/api/schema/pipeline/execute"
STYLES: Final = ("techno", "slow blues", "waltz", "ambient", "folk")


@dataclass(frozen=True)
class Told:
    """What was said of a run when it was accepted, in seconds, and how long it took then."""

    low: float | None
    high: float | None
    real: float

    @property
    def is_inside(self) -> bool:
        return self.low is not None and self.high is not None and self.low <= self.real <= self.high

    @property
    def is_narrow(self) -> bool:
        return self.low is not None and self.high is not None and self.high <= 2 * self.low


async def measure(bench: Bench) -> list[Row]:
    count = bench.count(200, 40)
    what = f"a stream of {count} mixed runs from {CLIENTS} clients: the time that was expected"
    draws = random.Random(5)
    requests = [_request(draws) for _ in range(count)]
    bursts = [draws.randint(1, LONGEST_BURST) for _ in range(count)]
    base = bench.folder / "eta"
    async with (
        session() as http,
        host(base / "agent", "benchmarks.host", "--table", "mixed") as backend_url,
        server(base / "exports", backend_url) as (server_url, _),
    ):
        stream = Stream(http, server_url, requests, bursts)
        await asyncio.gather(*(stream.client() for _ in range(CLIENTS)))
    judged = [stream.told[number] for number in range(LEARNING, count)]
    inside = sum(one.is_inside for one in judged) / len(judged)
    narrow = sum(one.is_narrow for one in judged) / len(judged)
    return [
        Row(
            what,
            f"real time inside in {inside:.0%} of runs {LEARNING} to {count}",
            f"over {INSIDE_GOAL:.0%}",
            inside >= INSIDE_GOAL,
            {"inside": inside, "runs": len(judged)},
        ),
        Row(
            "the ranges that were told",
            f"upper end at most twice the lower in {narrow:.0%}",
            f"over {NARROW_GOAL:.0%}",
            narrow >= NARROW_GOAL,
            {"narrow": narrow},
        ),
    ]


def _request(draws: random.Random) -> dict[str, Any]:
    if draws.random() < PACED:
        seconds = round(draws.uniform(0.1, 1.2), 2)
        made: dict[str, Any] = {"output_config": "silence_mp3", "params": {"seconds": seconds}}
    else:
        params = {"seconds": draws.randint(1, 6)}
        made = {"output_config": "procedural_instrumental", "params": params, "seed": draws.randint(0, 10**6)}
    return {"schema": "plain", "input_text": draws.choice(STYLES), "safety_level": "off", "wait": False, **made}


class Stream:
    """Requests that several clients take from one list, each a few at a time."""

    def __init__(self, http: ClientSession, url: str, requests: list[dict[str, Any]], bursts: list[int]) -> None:
        self._http_session, self._url, self._requests, self._bursts = http, url, requests, bursts
        self._numbers = iter(range(len(requests)))
        self.told: dict[int, Told] = {}

    async def client(self) -> None:
        """Sends a few runs at once, waits for all of them, and begins again, until the list is at its end."""
        while burst := await self._send():
            for number, body in burst:
                eta = body.get("eta") or {}
                real = await self._real_seconds(body["links"])
                self.told[number] = Told(eta.get("low_seconds"), eta.get("high_seconds"), real)

    async def _send(self) -> list[tuple[int, dict[str, Any]]]:
        burst: list[tuple[int, dict[str, Any]]] = []
        for number in self._numbers:
            async with self._http_session.post(self._url + EXECUTE, json=self._requests[number]) as answer:
                body = await answer.json()
                assert answer.status == 202, body
            burst.append((number, body))
            if len(burst) >= self._bursts[number]:
                break
        return burst

    async def _real_seconds(self, links: dict[str, str]) -> float:
        async with self._http_session.get(self._url + links["events"]) as events:
            await events.read()  # to the end of the run
        async with self._http_session.get(self._url + links["run"]) as answer:
            run = await answer.json()
        assert run["status"] == "success", run["error"]
        return (datetime.fromisoformat(run["ended_at"]) - datetime.fromisoformat(run["created_at"])).total_seconds()
