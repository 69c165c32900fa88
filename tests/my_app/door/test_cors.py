"""A page under development at another port: what its browser is told, and what a page is told that is not allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession

from my_app.addresses.public_urls import PublicUrl
from my_app.door.context import FrontSettings
from my_app.front import Listening
from tests.my_app.still import PUBLIC, Still, client_of

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}
DEV = "http://localhost:5173"
PAGE = {"Origin": DEV}
RUN = "20300101-000000-00000000"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,idempotency-key"}


@pytest.fixture
async def listening(still: Still) -> AsyncIterator[Listening]:
    settings = FrontSettings(PUBLIC, (PublicUrl.read(DEV),), heartbeat_s=0.05, requests_per_key=1)
    async with still.listening(settings) as listening:
        yield listening


@pytest.fixture
async def dev(listening: Listening) -> AsyncIterator[ClientSession]:
    """A client of a front that allows pages of a development server."""
    async with client_of(listening) as client:
        yield client


async def a_sound(still: Still) -> str:
    """A run with a main sound of 1000 bytes."""
    run_id = await still.accept()
    await still.add_file(run_id, bytes(1000), "07_output_audio.mp3")
    return run_id


@pytest.mark.parametrize("path", [EXECUTE, "/api/uploads", "/api/events", f"/api/media/audio/{RUN}", "/nowhere"])
async def test_a_browser_is_told_that_an_allowed_page_may_ask(listening: Listening, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    lines = [f"OPTIONS {path} HTTP/1.1", "Host: 127.0.0.1", f"Origin: {DEV}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in ASKED.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status, *fields = (await reader.read()).decode().split("\r\n\r\n")[0].split("\r\n")
    writer.close()
    told = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert status == "HTTP/1.1 204 No Content"
    assert told["access-control-allow-origin"] == DEV
    assert told["access-control-allow-credentials"] == "true"
    assert "Origin" in told["vary"]
    assert {"GET", "POST", "DELETE"} <= set(told["access-control-allow-methods"].split(", "))
    sent = {name.lower() for name in told["access-control-allow-headers"].split(", ")}
    assert {"authorization", "content-type", "idempotency-key", "last-event-id", "prefer", "range"} <= sent
    assert {"if-none-match", "if-range", "traceparent"} <= sent
    assert int(told["access-control-max-age"]) > 0


async def test_every_answer_can_be_read_by_an_allowed_page_whatever_it_is(
    dev: ClientSession, still: Still, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(method: str, path: str, status: int, headers: dict[str, str] | None = None, **more: object) -> None:
        async with dev.request(method, path, headers={**PAGE, **(headers or {})}, **more) as reply:  # type: ignore[arg-type]
            assert reply.status == status, path
            assert reply.headers["Access-Control-Allow-Origin"] == DEV
            assert reply.headers["Access-Control-Allow-Credentials"] == "true"
            assert reply.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert "Origin" in reply.headers["Vary"]
            read = reply.headers["Access-Control-Expose-Headers"]
            assert all(name in read for name in ("Location", "Retry-After", "ETag", "Content-Range", "Idempotency-Re"))

    await told("POST", EXECUTE, 202, json=REQUEST)
    await told("POST", EXECUTE, 400, json={})
    with monkeypatch.context() as broken:
        broken.setattr(still.app.runs, "accept", None)
        await told("POST", EXECUTE, 500, json=REQUEST)
    await told("DELETE", EXECUTE, 405)
    await told("GET", "/nowhere", 404)
    sound = f"/api/media/audio/{await a_sound(still)}"
    await told("GET", sound, 206, {"Range": "bytes=10-19"})
    await told("GET", sound, 416, {"Range": "bytes=5000-"})
    await told("GET", "/api/runs", 403, {"Host": "evil.example"})
    async with dev.get("/api/events", headers=PAGE) as stream:
        assert stream.headers["Access-Control-Allow-Origin"] == DEV
    secret = still.app.keys.add("anna")
    await told("GET", "/api/runs", 401)
    bearer = {"Authorization": f"Bearer {secret}"}
    async with dev.get("/api/events", headers=bearer):
        await told("GET", "/api/runs", 429, bearer)


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://evil.example", "null", "http://localhost.evil.example:5173"]
)
async def test_another_page_is_refused_in_words_and_can_read_nothing(
    dev: ClientSession, still: Still, origin: str
) -> None:
    for method, status in (("OPTIONS", 403), ("POST", 403), ("GET", 200)):
        path = "/api/runs" if method == "GET" else EXECUTE
        body = REQUEST if method == "POST" else None
        async with dev.request(method, path, json=body, headers={"Origin": origin, **ASKED}) as reply:
            told = await reply.json()
            assert reply.status == status
            assert not [name for name in reply.headers if name.lower().startswith("access-control-")]
            assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Origin" in reply.headers["Vary"], "a cache must not give this answer to an allowed page"
            if status == 403:
                assert (told["error"]["field"], told["error"]["value"]) == ("Origin", origin)
                assert ("public_urls" in told["error"]["hint"]) == (origin != "null")
                assert (f'["{origin}"]' in told["error"]["hint"]) == (origin != "null")
    assert not await still.users()


async def test_media_may_be_shown_in_an_allowed_page_that_sends_no_origin(dev: ClientSession, still: Still) -> None:
    sound = f"/api/media/audio/{await a_sound(still)}"
    pages = [
        (f"{DEV}/", "cross-origin"),
        (f"{DEV}.evil.example/", "same-origin"),
        ("http://evil.example/", "same-origin"),
    ]
    for page, policy in [*pages, ("http://[", "same-origin"), ("", "same-origin")]:
        async with dev.get(sound, headers={"Referer": page}) as reply:
            assert reply.headers["Cross-Origin-Resource-Policy"] == policy, page


async def test_without_the_setting_no_page_is_told_anything(client: ClientSession) -> None:
    async with client.options(EXECUTE) as reply:
        assert reply.status == 405
    async with client.options(EXECUTE, headers={**PAGE, **ASKED}) as reply:
        assert reply.status == 403
        assert f'public_urls: ["{DEV}"]' in (await reply.json())["error"]["hint"]
    async with client.get("/api/runs", headers=PAGE) as reply:
        assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


async def test_our_own_page_behind_a_proxy_that_leaves_out_the_port_may_write(client: ClientSession) -> None:
    own = {"Host": "127.0.0.1", "Origin": "http://127.0.0.1:8080"}
    for more, status in (({"Sec-Fetch-Site": "same-origin"}, 202), ({"Sec-Fetch-Site": "same-site"}, 403), ({}, 403)):
        async with client.post(EXECUTE, json=REQUEST, headers={**own, **more}) as reply:
            assert reply.status == status, more
    other = {**own, "Origin": "http://evil.example:8080", "Sec-Fetch-Site": "same-origin"}
    async with client.post(EXECUTE, json=REQUEST, headers=other) as reply:
        assert reply.status == 403, "a name that was pointed here"
