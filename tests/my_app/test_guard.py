from __future__ import annotations

import pytest
from aiohttp import ClientSession

from my_app.guard import host_name
from tests.my_app.parts import Runs

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}


@pytest.mark.parametrize("path", ["/health", "/api/runs", "/api/events", "/", "/nowhere"])
async def test_a_strange_host_is_refused_on_every_path(client: ClientSession, path: str) -> None:
    async with client.get(path, headers={"Host": "evil.example:17802"}) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"], error["value"]) == (403, "Host", "evil.example:17802")
        assert "localhost" in error["allowed"]


async def test_a_page_of_another_server_may_not_write(client: ClientSession, runs: Runs) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1"):
        async with client.post(EXECUTE, json=REQUEST, headers={"Origin": origin}) as reply:
            error = (await reply.json())["error"]
            assert (reply.status, error["field"], error["value"]) == (403, "Origin", origin)
    assert runs.bodies == {}


async def test_our_own_page_and_programs_may_write(client: ClientSession) -> None:
    own = f"http://127.0.0.1:{client._base_url.port}" if client._base_url else ""
    for headers in ({"Origin": own}, {}):
        async with client.post(EXECUTE, json=REQUEST, headers=headers) as reply:
            assert reply.status == 202


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:17802", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("[::1]:80", "[::1]"),
        ("localhost:x", ""),
        ("localhost@evil.example", ""),
        ("localhost/evil", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name
