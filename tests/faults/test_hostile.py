"""Backends that drip, flood or nest: none keeps the server from starting, breaks `/ready`, or fills the memory."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from devserver.backends import pool
from devserver.backends.pool import Pool
from devserver.comfy.client import Client
from devserver.comfy.connection import Connection
from devserver.comfy.errors import Unreachable
from devserver.durable.bus import Bus
from devserver.durable.opening import open_database
from devserver.host.child import Child, ChildFailed
from devserver.host.host import Host
from devserver.http.answers import MIB
from devserver.media.intake import IntakePool
from devserver.system.clock import Clock
from tests.doubles import hostile
from tests.doubles.hostile import Answer, Hostile
from tests.faults.rig import Studio, rigged, seconds_of, until, until_told

NEVER_WHOLE = [hostile.drips_body, hostile.drips_headers, hostile.floods_headers, hostile.says_nothing]
AT_ONCE = [
    hostile.never_ends,
    hostile.is_one_huge_text,
    hostile.is_huge_without_a_length,
    hostile.is_deep,
    hostile.is_deep_and_whole,
    hostile.is_a_bomb,
    hostile.is_garbage,
    hostile.redirects,
]


@pytest.mark.parametrize("answer", NEVER_WHOLE)
async def test_an_answer_that_never_comes_whole_has_a_limit_in_time(answer: Answer) -> None:
    async with Hostile(answer) as server, Connection(server.url) as connection:
        async with asyncio.timeout(60):
            with pytest.raises(Unreachable):
                await connection.exchange("GET", "/queue", seconds=0.5)
            with pytest.raises(Unreachable):  # one that is read piece by piece has it until its body begins
                async with connection.request("GET", "/view", seconds=0.5):
                    raise Unreachable("the body begins")


@pytest.mark.parametrize("answer", AT_ONCE)
async def test_an_answer_that_is_too_long_or_too_deep_is_none(answer: Answer) -> None:
    async with Hostile(answer) as server, Client(server.url) as client:
        for ask in (client.system_stats, client.object_info, client.queue):
            with pytest.raises(Unreachable) as caught:
                await ask()
            assert len(str(caught.value)) < 1000
        assert server.sent_bytes < 300 * MIB


@pytest.mark.parametrize("answer", [hostile.drips_body, hostile.is_deep, hostile.never_ends])
async def test_the_server_starts_with_what_answers(
    studio: Studio, exports: Path, intake: IntakePool, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(pool, "START_S", 1.0)
    async with (
        asyncio.timeout(120),
        Hostile(answer) as server,
        rigged(exports, intake, server.url, studio) as rig,
        rig.listening() as client,
    ):
        await server.asked.wait()
        await until(lambda: rig.app.pool.backends[1].up)
        await until_told(lambda: _ready(client), "/ready stays false")
        assert seconds_of(await rig.run(0.4)) == 0.4
        assert not rig.app.pool.backends[0].up


class NestsLater(Host):
    """From some moment on it answers with nothing but braces."""

    nests = False

    def app(self) -> web.Application:
        @web.middleware
        async def nest(request: web.Request, handler: object) -> web.StreamResponse:
            if self.nests:
                return web.Response(body=b'{"a":' * 100_000, content_type="application/json")
            response: web.StreamResponse = await handler(request)  # type: ignore[operator]
            return response

        app = super().app()
        app.middlewares.append(nest)
        return app


async def test_a_backend_that_breaks_later_is_told_of_by_ready(
    studio: Studio, exports: Path, intake: IntakePool
) -> None:
    await studio.stop()
    studio.kind = NestsLater
    await studio.start()
    assert isinstance(studio.host, NestsLater)
    async with rigged(exports, intake, studio) as rig, rig.listening() as client:
        await until_told(lambda: _ready(client), "/ready stays false")
        studio.host.nests = True
        await until(lambda: rig.backend.state == "down")
        await until_told(lambda: _not_ready(client), "/ready stays true")
        run_id = await rig.accept(0.4)
        studio.host.nests = False
        assert seconds_of(await rig.ended(run_id)) == 0.4
        await until_told(lambda: _ready(client), "/ready stays false")


async def _ready(client: aiohttp.ClientSession) -> bool:
    async with client.get("/ready") as response:
        assert response.status in (200, 503)
        return response.status == 200


async def _not_ready(client: aiohttp.ClientSession) -> bool:
    return not await _ready(client)


class KilledAtFirst(Child):
    """The process of the first starts is killed before it listens."""

    kills = 1

    async def start(self) -> str:
        if not KilledAtFirst.kills:
            return await super().start()
        KilledAtFirst.kills -= 1
        starting = asyncio.create_task(super().start())
        while self.pid is None:  # noqa: ASYNC110 - no event tells that a process is there
            await asyncio.sleep(0.001)
        os.kill(self.pid, signal.SIGKILL)
        return await starting


async def test_an_embedded_backend_that_is_killed_while_it_starts_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "Child", KilledAtFirst)
    monkeypatch.setattr(pool, "FIRST_RETRY_S", 0.01)
    database, clock = open_database(tmp_path / "journal.sqlite"), Clock()

    def made(folder: str) -> Pool:
        return Pool([], bus=Bus(clock), clock=clock, embedded_folder=tmp_path / folder, probe_s=60)

    KilledAtFirst.kills = 1
    started = made("once")
    await started.start()
    assert [backend.state for backend in started.backends] == ["up"]
    KilledAtFirst.kills = 5  # also later it is never given up
    child = started._child
    assert child is not None
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: KilledAtFirst.kills == 0)
    await until(lambda: started.backends[0].up)
    await started.close()
    KilledAtFirst.kills = pool.EMBEDDED_STARTS
    broken = made("always")
    with pytest.raises(ChildFailed):
        await broken.start()
    await broken.close()
    database.close()
