from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import ContentCoding

from my_app.answers.compression import SMALLEST_BYTES
from my_app.answers.errors import json_response
from my_app.front import Listening
from tests.my_app.still import Still

DESCRIPTION = "/openapi.json"
SCRIPT = "/public/app.js"


@pytest.fixture
async def client(front: Listening) -> AsyncIterator[ClientSession]:
    """A client that unpacks nothing by itself."""
    async with ClientSession(front.url, auto_decompress=False) as client:
        yield client


@pytest.mark.parametrize("path", [DESCRIPTION, SCRIPT, "/", "/public/style.css"])
async def test_json_and_the_pages_files_are_packed_for_those_who_take_it(client: ClientSession, path: str) -> None:
    async with client.get(path, headers={"Accept-Encoding": "identity"}) as plain:
        whole = await plain.read()
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"
    async with client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.5"}) as packed:
        content = await packed.read()
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
        assert int(packed.headers["Content-Length"]) == len(content) < len(whole) / 2
    assert gzip.decompress(content) == whole


@pytest.mark.parametrize("accepts", ["", "gzip;q=0", "gzip; q=0.000", "br", "*;q=0", "*, gzip;q=0"])
async def test_who_does_not_take_it_gets_it_as_it_is(client: ClientSession, accepts: str) -> None:
    async with client.get(DESCRIPTION, headers={"Accept-Encoding": accepts}) as reply:
        assert "Content-Encoding" not in reply.headers
        assert json.loads(await reply.read())["openapi"]


@pytest.mark.parametrize("accepts", ["gzip", "identity"])
async def test_a_browser_that_has_a_file_packed_or_not_is_sent_it_once(client: ClientSession, accepts: str) -> None:
    headers = {"Accept-Encoding": accepts}
    async with client.get(SCRIPT, headers=headers) as reply:
        tag, changed = reply.headers["ETag"], reply.headers["Last-Modified"]
        assert tag.startswith("W/") is (accepts == "gzip")
    for other in ("gzip", "identity"):
        for condition in ({"If-None-Match": tag}, {"If-None-Match": f'"x", {tag}'}, {"If-Modified-Since": changed}):
            async with client.get(SCRIPT, headers={"Accept-Encoding": other, **condition}) as reply:
                assert (reply.status, await reply.read()) == (304, b"")
    async with client.get(SCRIPT, headers={**headers, "If-None-Match": '"x"', "If-Modified-Since": changed}) as reply:
        assert reply.status == 200


async def test_what_is_small_is_not_packed(client: ClientSession) -> None:
    async with client.get("/health", headers={"Accept-Encoding": "gzip"}) as reply:
        assert "Content-Encoding" not in reply.headers
        assert await reply.json()


async def test_a_short_answer_waits_for_no_thread_to_be_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    response = json_response(200, {"text": "x" * 2 * SMALLEST_BYTES})
    response.enable_compression(ContentCoding.gzip)
    with monkeypatch.context() as patched:
        patched.setattr(asyncio.get_running_loop(), "run_in_executor", None)
        await response.prepare(make_mocked_request("GET", "/"))
    assert int(response.headers["Content-Length"]) < SMALLEST_BYTES


async def test_media_are_not_packed_and_keep_their_ranges(client: ClientSession, still: Still) -> None:
    run_id = await still.accept()
    await still.add_file(run_id, b"abc" * 5000, "07_output_audio.mp3")
    headers = {"Accept-Encoding": "gzip", "Range": "bytes=3-5"}
    async with client.get(f"/api/media/audio/{run_id}", headers=headers) as reply:
        assert (reply.status, await reply.read()) == (206, b"abc")
        assert "Content-Encoding" not in reply.headers


async def test_events_are_not_held_back(client: ClientSession, still: Still) -> None:
    run_id = await still.accept()
    async with client.get(f"/api/runs/{run_id}/events", headers={"Accept-Encoding": "gzip"}) as reply:
        assert "Content-Encoding" not in reply.headers
        assert b"run.queued" in await reply.content.readuntil(b"\n\n") + await reply.content.readuntil(b"\n\n")
