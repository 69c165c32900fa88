"""Many runs at once: each gets its own file, and the server still answers."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.doubles.programs import Server

WAITING = 200


async def execute(session: aiohttp.ClientSession, body: dict[str, Any]) -> dict[str, Any]:
    async with session.post("/api/schema/pipeline/execute", json={"safety_level": "off", **body}) as response:
        told: dict[str, Any] = await response.json()
        assert response.status == 200, told
        return told


async def test_twenty_runs_of_different_lengths_each_get_their_own_file(server: Server) -> None:
    lengths = [1 + 0.5 * number for number in range(20)]
    async with aiohttp.ClientSession(server.url) as session:
        bodies = [
            {"input_text": f"{n} seconds", "output_config": "silence_mp3", "params": {"seconds": n}} for n in lengths
        ]
        waiting = asyncio.gather(*(execute(session, body) for body in bodies))
        async with session.get("/health") as response:
            assert response.status == 200
        answers = await waiting
    measured = [answer["media_output"]["metadata"]["facts"]["seconds"] for answer in answers]
    assert [round(seconds, 1) for seconds in measured] == lengths
    assert len({answer["media_output"]["metadata"]["facts"]["sample_rate_hz"] for answer in answers}) == 1


async def test_health_answers_while_two_hundred_requests_wait(server: Server) -> None:
    async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(limit=0)) as session:
        body = {"input_text": "x", "params": {"seconds": 600}, "safety_level": "off"}
        waiting = [asyncio.create_task(answer_of(session, body)) for _ in range(WAITING)]
        while (await health(session))["runs"] < WAITING:
            pass
        assert not any(task.done() for task in waiting)
        assert (await health(session))["status"] == "ok"
        await cancel_all(session)
        assert {answer["status"] for answer in await asyncio.gather(*waiting)} <= {"cancelled", "success"}


async def answer_of(session: aiohttp.ClientSession, body: dict[str, Any]) -> dict[str, Any]:
    async with session.post("/api/schema/pipeline/execute", json=body) as response:
        told: dict[str, Any] = await response.json()
        return told


async def health(session: aiohttp.ClientSession) -> dict[str, Any]:
    async with session.get("/health") as response:
        told: dict[str, Any] = await response.json()
        return told


async def cancel_all(session: aiohttp.ClientSession) -> None:
    for state in ("queued", "running"):  # in this order a run cannot slip from one list past the other
        async with session.get("/api/runs", params={"limit": "200", "state": state}) as response:
            runs = (await response.json())["runs"]
        for run in runs:
            async with session.post(run["links"]["cancel"]) as response:
                assert response.status in (200, 202, 409)
