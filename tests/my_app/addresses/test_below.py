"""A front below a path of a proxy: every address in its answers begins with that path, and nobody else can set it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from aiohttp import ClientSession

from config import OWN_PATHS
from my_app.addresses.below import below
from my_app.addresses.proxies import Proxies
from my_app.addresses.public_urls import PublicUrl, called_by
from my_app.door.context import FrontSettings
from my_app.table import ROUTES
from tests.my_app.still import PUBLIC, Still

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}
MUSIC = {"X-Forwarded-Prefix": "/music"}
STUDIO = {"Host": "studio.example"}


@asynccontextmanager
async def fronted(
    still: Still, *urls: str, proxies: Proxies | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ClientSession]:
    """A client of a front with these public addresses."""
    addresses = tuple(PublicUrl.read(url) for url in urls)
    settings = FrontSettings(PUBLIC, addresses, proxies or Proxies(), heartbeat_s=0.05)
    async with still.client(settings, host) as client:
        yield client


async def location(client: ClientSession, headers: dict[str, str], path: str = "") -> str:
    async with client.post(path + EXECUTE, json=REQUEST, headers=headers) as reply:
        assert reply.status == 202, await reply.text()
        return reply.headers["Location"].rpartition("/")[0]


async def test_every_address_of_an_answer_begins_with_the_path(still: Still) -> None:
    async with fronted(still) as client:
        async with client.post(EXECUTE, json=REQUEST, headers=MUSIC) as reply:
            told = await reply.json()
            run_id = told["run_id"]
            assert reply.headers["Location"] == f"/music/api/runs/{run_id}"
            assert told["links"]["run"] == f"/music/api/runs/{run_id}"
        await still.add_file(run_id, b"sound", "07_output_audio.mp3")
        await still.end(run_id)
        for headers, prefix in ((MUSIC, "/music"), ({}, "")):
            async with client.get(f"/api/runs/{run_id}/answer", headers=headers) as reply:
                made = (await reply.json())["media_output"]
                assert made["url"] == f"{prefix}/api/media/audio/{run_id}"
            async with client.get("/openapi.json", headers=headers) as reply:
                assert (await reply.json()).get("servers") == ([{"url": prefix}] if prefix else None)


async def test_the_addresses_of_stems_begin_with_the_path(still: Still) -> None:
    run_id = await still.accept()
    await still.add_file(run_id, b"sound", "08_stem_drums.flac", role="stem", name="drums")
    async with fronted(still) as client, client.get(f"/api/media/stems/{run_id}", headers=MUSIC) as reply:
        (told,) = await reply.json()
        assert told["url"] == f"/music/api/media/stems/{run_id}/drums"


async def test_the_addresses_in_events_begin_with_the_path_of_each_listener(still: Still) -> None:
    async with fronted(still) as client:
        run_id = await still.accept()
        for stored in (True, False):
            streams = []
            if not stored:
                streams = [await client.get("/api/events", headers=headers) for headers in (MUSIC, {}, MUSIC)]
                await still.until_listening(3)
            await still.add_file(run_id, b"", f"0{7 + len(streams)}_output_audio.mp3", url="/api/media/audio/x")
            if stored:
                again = {"Last-Event-ID": "0"}
                streams = [await client.get("/api/events", headers={**headers, **again}) for headers in (MUSIC, {})]
            found = []
            for stream in streams:
                async for line in stream.content:
                    if line.startswith(b"data:") and b"/audio/x" in line:
                        found.append(json.loads(line[5:])["data"]["url"])
                        break
                stream.close()
            expected = ["/music/api/media/audio/x", "/api/media/audio/x", "/music/api/media/audio/x"]
            assert found == expected[: len(streams)]
            await still.until_listening(0)


async def test_a_waiting_request_and_a_stream_are_answered_with_the_path(still: Still) -> None:
    async with fronted(still) as client:
        asked = {"input_text": "x", "wait_timeout_s": 0.01}
        async with client.post(EXECUTE, json=asked, headers=MUSIC) as reply:
            told = await reply.json()
            assert told["links"]["run"] == f"/music/api/runs/{told['run_id']}"
        async with client.post(EXECUTE, json={"input_text": "x", "enable_streaming": True}, headers=MUSIC) as reply:
            run_id = list(await still.users())[-1]
            await still.end(run_id)
            assert f'"links": {{"run": "/music/api/runs/{run_id}"' in await reply.text()


async def test_the_session_cookie_is_the_paths_own(still: Still) -> None:
    secret = still.app.keys.add("anna")
    async with fronted(still, "https://studio.example/music") as client:
        for headers, path, secure in ((STUDIO, "/music", True), (MUSIC, "/music", False), ({}, "/", False)):
            async with client.post("/api/session", json={"key": secret}, headers=headers) as reply:
                assert reply.status == 201
                cookie = reply.headers["Set-Cookie"]
                assert (f"Path={path};" in f"{cookie};", "Secure" in cookie) == (True, secure)
            async with client.delete("/api/session", headers=headers) as reply:
                assert f"Path={path};" in f"{reply.headers['Set-Cookie']};"


async def test_a_strangers_header_changes_no_address(still: Still) -> None:
    evil = {"X-Forwarded-Prefix": "/evil"}
    async with fronted(still, "https://studio.example", "https://music.example/music") as client:
        assert await location(client, {**STUDIO, **evil}) == "/api/runs"
        assert await location(client, {"Host": "music.example", **evil}) == "/music/api/runs"
    async with fronted(still, host="127.0.0.2", proxies=Proxies((ip_network("127.0.0.9"),))) as client:
        named = {"Host": str(client._base_url.authority) if client._base_url else ""}
        assert await location(client, {**named, **evil}) == "/api/runs", "called by an address, not by a loopback name"


async def test_a_trusted_proxy_tells_the_path_under_any_name(still: Still) -> None:
    proxies = Proxies((ip_network("127.0.0.0/8"),))
    async with fronted(still, "https://studio.example", "https://own.example/own", proxies=proxies) as client:
        assert await location(client, {"Host": "own.example", **MUSIC}) == "/own/api/runs", "the setting is stronger"
        assert await location(client, {**STUDIO, **MUSIC}) == "/music/api/runs"
        assert await location(client, {**STUDIO, "X-Forwarded-Prefix": "/a/b/"}) == "/a/b/api/runs"
        assert await location(client, {**STUDIO, "X-Forwarded-Prefix": "/"}) == "/api/runs"


@pytest.mark.parametrize(
    "said",
    [
        "music",
        "//evil.example",
        "/a//b",
        "/a/../b",
        "/.",
        "/a b",
        "/a?b",
        "/a, /b",
        "/ä",
        "/%2e",
        "https://x/",
        "/" + "a" * 200,
    ],
)
async def test_a_path_that_is_none_is_refused(still: Still, said: str) -> None:
    async with fronted(still) as client, client.get("/api/runs", headers={"X-Forwarded-Prefix": said}) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"]) == (400, "X-Forwarded-Prefix")
        assert "/music" in error["allowed"]


async def test_two_paths_are_none(still: Still) -> None:
    async with fronted(still) as client:
        headers = [("X-Forwarded-Prefix", "/a"), ("X-Forwarded-Prefix", "/b")]
        async with client.get("/api/runs", headers=headers) as reply:
            assert reply.status == 400


async def test_a_proxy_that_sends_the_path_on_is_understood_under_its_own_name_alone(still: Still) -> None:
    async with fronted(still, "https://studio.example/music") as client:
        assert await location(client, STUDIO, "/music") == "/music/api/runs"
        assert await location(client, STUDIO) == "/music/api/runs"
        for path, status in (("/music/", 200), ("/music/docs", 200), ("/music/public/app.js", 200), ("/musica/", 404)):
            async with client.get(path, headers=STUDIO) as reply:
                assert reply.status == status, path
        async with client.get("/music", headers=STUDIO, allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (308, "/music/")
        async with client.get("/music/api/runs?limit=500", headers=STUDIO) as reply:
            assert (reply.status, (await reply.json())["error"]["field"]) == (422, "limit")
        async with client.get("/music//api/runs", headers=STUDIO) as reply:
            assert reply.status == 404
        async with client.get("/music/") as reply:
            assert reply.status == 404, "on this machine it is at the top"


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("studio.example", "/music"),
        ("STUDIO.example:443", "/music"),
        ("studio.example:8443", "/other"),
        ("studio.example:17802", None),
        ("studio.local", "/lan"),
        ("[fd00::1]", "/six"),
        ("nobody.example", None),
        ("", None),
        ("studio.example/x", None),
    ],
)
def test_a_host_names_one_public_address(host: str, found: str | None) -> None:
    written = ("https://studio.example:8443/other", "https://studio.example/music", "http://studio.local:8080/lan/")
    url = called_by(host, [PublicUrl.read(one) for one in (*written, "http://[fd00::1]/six")])
    assert (url.prefix if url else None) == found


@pytest.mark.parametrize(
    ("written", "origin"),
    [("http://studio.local:80", "http://studio.local"), ("https://a.example:443/x/", "https://a.example")],
)
def test_an_origin_is_written_as_browsers_do(written: str, origin: str) -> None:
    assert PublicUrl.read(written).origin == origin


def test_what_is_no_address_of_ours_stays_as_it_is() -> None:
    body = {
        "request": {"url": "/a", "links": {"x": "/b"}},
        "metadata": {"url": "/mine"},
        "url": "http://127.0.0.1:8188",
        "media": ["x"],
        "data": None,
    }
    assert below("/music", body) == body
    assert below("/music", [{"url": "/a"}]) == [{"url": "/music/a"}]


def test_no_route_of_ours_may_be_taken_for_a_proxys_path() -> None:
    assert {route.path.split("/")[1] for route in ROUTES} - {""} == OWN_PATHS
