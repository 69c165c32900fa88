"""Health, readiness, and what the server says of itself."""

from __future__ import annotations

import os
from ipaddress import ip_network

from aiohttp import ClientSession

from my_app.addresses.proxies import Proxies
from my_app.door.context import FrontSettings
from tests.my_app.still import PUBLIC, Still


async def test_health_tells_the_process_and_how_many_runs_it_walks(client: ClientSession) -> None:
    async with client.get("/health") as reply:
        assert (reply.status, await reply.json()) == (200, {"status": "ok", "pid": os.getpid(), "runs": 0})


async def test_ready_says_when_nothing_could_be_made(client: ClientSession) -> None:
    async with client.get("/ready") as reply:
        told = await reply.json()
        assert (reply.status, told["ready"]) == (503, False)
        assert "no backend answers" in told["problems"]


async def test_ready_gives_its_reasons_to_users_alone(client: ClientSession, still: Still) -> None:
    secret = still.app.keys.add("anna")
    async with client.get("/ready") as reply:
        assert (reply.status, await reply.json()) == (503, {"ready": False})
    async with client.get("/ready", headers={"Authorization": f"Bearer {secret}"}) as reply:
        assert (reply.status, "problems" in await reply.json()) == (503, True)


async def test_the_description_says_where_the_server_is_where_it_is_below_a_path(still: Still) -> None:
    settings = FrontSettings(PUBLIC, proxies=Proxies((ip_network("127.0.0.1"),)))
    async with still.client(settings) as client:
        async with client.get("/openapi.json") as reply:
            top = await reply.json()
        async with client.get("/openapi.json", headers={"X-Forwarded-Prefix": "/studio"}) as reply:
            below = await reply.json()
    assert "servers" not in top
    assert below == {**top, "servers": [{"url": "/studio"}]}


async def test_the_page_for_people_is_the_files_own(client: ClientSession) -> None:
    async with client.get("/docs") as reply:
        assert (reply.status, reply.content_type) == (200, "text/html")
        assert await reply.read() == (PUBLIC / "docs.html").read_bytes()
