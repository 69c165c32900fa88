"""What the pool asks its backends, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from devserver.backends.pool import Address, Pool
from devserver.durable.bus import Bus
from devserver.system.clock import Clock


class Asked:
    """A backend that counts how often it is asked for its nodes, and answers when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.came = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def object_info(self, _request: web.Request) -> web.Response:
        self.times += 1
        self.came.set()
        await self.may_answer.wait()
        return web.json_response({})

    async def stats(self, _request: web.Request) -> web.Response:
        return web.json_response({"system": {}})


@pytest.fixture
async def asked() -> AsyncIterator[tuple[Asked, str]]:
    backend, app = Asked(), web.Application()
    app.add_routes([web.get("/object_info", backend.object_info), web.get("/{any:.*}", backend.stats)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield backend, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
async def pool(asked: tuple[Asked, str], bus: Bus) -> AsyncIterator[Pool]:
    address = Address("one", "comfyui", asked[1])
    made = Pool([address], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


async def test_takes_that_lose_one_backend_together_ask_it_once(pool: Pool, asked: tuple[Asked, str]) -> None:
    backend = asked[0]
    await pool.refresh()
    before, lost = backend.times, pool.backends[0]
    backend.may_answer.clear()
    backend.came.clear()
    doubts = [asyncio.create_task(pool.recheck(lost)) for _ in range(20)]
    await backend.came.wait()
    doubts[0].cancel()  # whoever asked first may be gone before the answer comes
    backend.may_answer.set()
    done = await asyncio.gather(*doubts, return_exceptions=True)
    assert done[1:] == [None] * 19
    assert backend.times == before + 1
    await pool.recheck(lost)
    assert backend.times == before + 2
