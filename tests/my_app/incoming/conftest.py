"""Whatever reads a body, behind a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from my_app.answers.errors import errors

Reading = Callable[[web.Request], Awaitable[bytes]]
Reader = Callable[[Reading], AbstractAsyncContextManager[ClientSession]]


@pytest.fixture
def served() -> Reader:
    """Serve a function that reads a body; its answer is what it has read."""

    @asynccontextmanager
    async def serve(read: Reading) -> AsyncIterator[ClientSession]:
        async def view(request: web.Request) -> web.StreamResponse:
            return web.Response(body=await read(request))

        app = web.Application(middlewares=[errors], client_max_size=0)
        app.router.add_post("/", view)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
                yield client
        finally:
            await runner.cleanup()

    return serve
