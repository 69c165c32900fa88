from __future__ import annotations

import pytest
from aiohttp import ClientSession

from my_app.addresses.public_urls import host_name
from my_app.door.context import FrontSettings
from tests.my_app.still import PUBLIC, Still, client_of

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}


@pytest.mark.parametrize("path", ["/health", "/api/runs", "/api/events", "/", "/nowhere"])
async def test_a_strange_host_is_refused_on_every_path(client: ClientSession, path: str) -> None:
    async with client.get(path, headers={"Host": "evil.example:17802"}) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"], error["value"]) == (403, "Host", "evil.example:17802")
        assert "localhost" in error["allowed"]


async def test_a_page_of_another_server_may_not_write(client: ClientSession, still: Still) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:1"):
        async with client.post(EXECUTE, json=REQUEST, headers={"Origin": origin}) as reply:
            error = (await reply.json())["error"]
            assert (reply.status, error["field"], error["value"]) == (403, "Origin", origin)
    assert not await still.users()


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


async def test_the_address_that_was_connected_to_is_a_name_of_ours_and_another_is_not(still: Still) -> None:
    async with still.listening(FrontSettings(PUBLIC), "127.0.0.3") as listening, client_of(listening) as client:
        for host, status in (("127.0.0.3", 200), ("127.0.0.4", 403), ("192.168.1.5", 403), ("[::2]", 403)):
            async with client.get("/health", headers={"Host": f"{host}:{listening.port}"}) as reply:
                assert reply.status == status, host


async def test_a_write_whose_browser_names_only_its_site_is_refused_too(client: ClientSession, still: Still) -> None:
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 202), ("none", 202)):
        async with client.post(EXECUTE, json=REQUEST, headers={"Sec-Fetch-Site": site}) as reply:
            assert reply.status == status, site
    assert len(await still.users()) == 2
