"""Keys at the door: who is let in, what each sees, and what a wrong key is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from my_app.addresses.public_urls import PublicUrl
from my_app.door.context import FrontSettings
from my_app.door.visitors import TRIES, WINDOW_S, Tries
from my_app.front import Listening
from my_app.table import ROUTES
from schemas.model import LEVELS
from tests.doubles.odd_media import tone, wav
from tests.my_app.still import PUBLIC, Still

EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "test", "wait": False}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def secrets(still: Still) -> dict[str, str]:
    keys = still.app.keys
    return {"anna": keys.add("anna"), "bob": keys.add("bob"), "root": keys.add("root", admin=True)}


async def execute(client: ClientSession, secret: str) -> str:
    async with client.post(EXECUTE, json=REQUEST, headers=bearer(secret)) as reply:
        return str((await reply.json())["run_id"])


OPEN = {"/", "/health", "/ready", "/openapi.json", "/docs", "/public/{path:.+}", "/api/session"}
FILLED = {
    "run_id": "20300101-000000-00000000",
    "media": "audio",
    "index": "0",
    "name": "x",
    "path": "app.js",
    "user": "eve",
}


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method}-{route.name}")
async def test_without_a_key_only_the_page_and_the_health_are_shown(client: ClientSession, route: Any) -> None:
    path = route.path.replace(":.+", "").format(**FILLED)
    async with client.request(route.method, path) as reply:
        if route.is_open:
            assert route.path in OPEN
            assert reply.status != 401
            return
        error = (await reply.json())["error"]
        assert (reply.status, error["code"], error["field"]) == (401, "unauthorized", "Authorization")
        assert "keys add" in error["hint"]
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


async def test_another_users_run_is_as_good_as_none(
    client: ClientSession, still: Still, secrets: dict[str, str]
) -> None:
    run_id = await execute(client, secrets["anna"])
    await still.add_file(run_id, b"sound", "07_output_audio.mp3")
    await still.end(run_id)
    assert await still.users() == {run_id: "anna"}
    nobodys = "20300101-000000-ffffffff"
    for route in ROUTES:
        if "run_id" not in route.parameters:
            continue
        told = []
        for asked in (run_id, nobodys):
            path = route.path.format(**{**FILLED, "run_id": asked})
            async with client.request(route.method, path, headers=bearer(secrets["bob"])) as reply:
                told.append((reply.status, (await reply.text()).replace(asked, "ID")))
        assert told[0][0] == 404, route.path
        assert told[0] == told[1], f"{route.path} tells that there is such a run"
    async with client.get(f"/api/runs/{run_id}", headers=bearer(secrets["anna"])) as reply:
        assert reply.status == 200
    for name in ("anna", "root"):
        async with client.get(f"/api/media/audio/{run_id}", headers=bearer(secrets[name])) as reply:
            assert (reply.status, await reply.read()) == (200, b"sound")


async def heard(client: ClientSession, secret: str, until: str) -> list[str]:
    """The runs that the stream of everything tells of, up to one of them."""
    async with client.get("/api/events", headers={**bearer(secret), "Last-Event-ID": "0"}) as stream:
        return await told(stream, until)


async def told(stream: ClientResponse, until: str) -> list[str]:
    found: dict[str, None] = {}
    async for line in stream.content:
        if line.startswith(b"data:") and (run_id := json.loads(line[5:])["run_id"]):
            found[run_id] = None
            if run_id == until:
                return list(found)
    raise AssertionError("the stream ended")


async def test_the_stream_of_everything_tells_of_the_own_runs_alone(
    client: ClientSession, secrets: dict[str, str]
) -> None:
    annas = await execute(client, secrets["anna"])
    bobs = await execute(client, secrets["bob"])
    last = await execute(client, secrets["anna"])
    assert await heard(client, secrets["anna"], last) == [annas, last]
    assert await heard(client, secrets["root"], last) == [annas, bobs, last]
    async with client.get("/api/events", headers={**bearer(secrets["bob"]), "Last-Event-ID": "0"}) as stream:
        await execute(client, secrets["anna"])
        newest = await execute(client, secrets["bob"])
        assert await told(stream, newest) == [bobs, newest]


async def test_signing_in_gives_a_cookie_that_scripts_and_other_pages_do_not_get(
    front: Listening, secrets: dict[str, str]
) -> None:
    async with ClientSession(front.url) as browser:
        async with browser.post("/api/session", json={"key": secrets["anna"]}) as reply:
            assert (reply.status, (await reply.json())["user"]) == (201, "anna")
            cookie = reply.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert secrets["anna"] not in cookie
        # aiohttp's jar keeps no cookies of bare addresses: shown by hand, as a browser does.
        shown = {"Cookie": cookie.partition(";")[0]}
        async with browser.get("/api/session", headers=shown) as reply:
            about = {"user": "anna", "admin": False, "keys": True}
            assert await reply.json() == {**about, "safety_levels": list(LEVELS), "queue_limit": 0}
        async with browser.post(EXECUTE, json=REQUEST, headers={**shown, "Origin": "http://evil.example"}) as reply:
            assert reply.status == 403
        async with browser.delete("/api/session", headers=shown) as reply:
            assert reply.status == 204
        async with browser.get("/api/session", headers=shown) as reply:
            assert reply.status == 401


async def test_wrong_keys_are_counted_and_never_lock_out_the_right_one(
    client: ClientSession, secrets: dict[str, str]
) -> None:
    statuses = []
    for number in range(TRIES + 2):
        async with client.post("/api/session", json={"key": f"guess {number}"}) as reply:
            statuses.append(reply.status)
    assert statuses == [401] * (TRIES - 1) + [429] * 3
    async with client.get("/api/runs", headers=bearer("guess")) as reply:
        assert reply.status == 429
        assert 1 <= int(reply.headers["Retry-After"]) <= WINDOW_S
    async with client.get("/api/runs", headers=bearer(secrets["anna"])) as reply:
        assert reply.status == 200
    async with client.post("/api/session", json={"key": secrets["bob"]}) as reply:
        assert reply.status == 201


def test_tries_are_forgotten_with_time_and_addresses_do_not_pile_up() -> None:
    now = [0.0]
    tries = Tries(lambda: now[0])
    assert [tries.count_wrong("a") > 0 for _ in range(TRIES + 1)] == [False] * (TRIES - 1) + [True, True]
    assert tries.count_wrong("b") == 0.0
    now[0] = WINDOW_S + 1
    assert tries.count_wrong("a") == 0.0
    for number in range(20_000):
        tries.count_wrong(str(number))
    assert len(tries._failed) <= 10_000


async def test_who_is_exposed_needs_a_key_before_there_is_one(still: Still) -> None:
    settings = FrontSettings(PUBLIC, (PublicUrl.read("https://music.example.org"),), exposed=True)
    name = {"Host": "music.example.org"}
    async with still.client(settings) as client:
        async with client.get("/api/runs", headers=name) as reply:
            assert reply.status == 401
        secret = still.app.keys.add("anna")
        async with client.get("/api/runs", headers={**name, **bearer(secret)}) as reply:
            assert reply.status == 200
        own = {**name, "Origin": "https://music.example.org"}
        async with client.post("/api/session", json={"key": secret}, headers=own) as reply:
            assert reply.status == 201
            assert "Secure" in reply.headers["Set-Cookie"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"key": 5}', b'{"key": ""}', b'{"key": "x", "user": "root"}', b"\xff"])
async def test_a_sign_in_that_is_none_is_refused(client: ClientSession, secrets: dict[str, str], body: bytes) -> None:
    assert secrets
    async with client.post("/api/session", data=body) as reply:
        assert reply.status in {400, 422}
        assert (await reply.json())["error"]["message"]


async def test_uploads_are_their_senders(client: ClientSession, still: Still, secrets: dict[str, str]) -> None:
    content = wav(tone(0.2))
    statuses, ids = [], set()
    for name in ("anna", "anna", "bob"):
        async with client.post("/api/uploads", data=content, headers=bearer(secrets[name])) as reply:
            statuses.append(reply.status)
            ids.add((await reply.json())["id"])
    assert statuses == [201, 200, 201], "bob must not learn that anna has sent the same"
    (upload,) = ids
    found = [still.app.uploads.find(upload, viewer) is not None for viewer in ("anna", "bob", "carl", None)]
    assert found == [True, True, False, True]
