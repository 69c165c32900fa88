from __future__ import annotations

import hashlib
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.my_app.still import Still

CONTENT = bytes(range(256)) * 400


NAME = '07_Nächte "1".mp3'
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'


@pytest.fixture
async def path(still: Still) -> str:
    run_id = await still.accept()
    await still.add_file(run_id, CONTENT, NAME)
    return f"/api/media/audio/{run_id}"


async def ask(client: ClientSession, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, path, headers=named) as reply:
        return reply.status, reply.headers, await reply.read()


async def test_the_whole_file(client: ClientSession, path: str) -> None:
    status, headers, body = await ask(client, path)
    assert (status, body) == (200, CONTENT)
    assert headers["Content-Type"] == "audio/mpeg"
    assert headers["ETag"] == TAG
    assert headers["Accept-Ranges"] == "bytes"
    named = headers["Content-Disposition"]
    assert named == "inline; filename=\"07_N?chte '1'.mp3\"; filename*=UTF-8''07_N%C3%A4chte%20%221%22.mp3"


async def test_head_says_what_get_would_say(client: ClientSession, path: str) -> None:
    got, head = await ask(client, path), await ask(client, path, "HEAD")
    assert (head[0], head[2]) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges"):
        assert head[1][name] == got[1][name]


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-9", 0, 9), ("bytes=100-", 100, 102399), ("bytes=-5", 102395, 102399)]
)
async def test_a_range(client: ClientSession, path: str, asked: str, first: int, last: int) -> None:
    status, headers, body = await ask(client, path, Range=asked)
    assert (status, body) == (206, CONTENT[first : last + 1])
    assert headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


async def test_a_range_outside_the_file(client: ClientSession, path: str) -> None:
    status, headers, _ = await ask(client, path, Range="bytes=999999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "seconds=1-2"])
async def test_a_range_that_is_not_offered_gives_the_whole_file(client: ClientSession, path: str, asked: str) -> None:
    status, _, body = await ask(client, path, Range=asked)
    assert (status, len(body)) == (200, len(CONTENT))


async def test_conditions_compare_the_content_hash(client: ClientSession, path: str) -> None:
    own, other = TAG, '"other"'
    assert (await ask(client, path, If_None_Match=own))[0] == 304
    assert (await ask(client, path, If_None_Match=other))[0] == 200
    assert (await ask(client, path, If_Match=own))[0] == 200
    assert (await ask(client, path, If_Match=other))[0] == 412
    assert (await ask(client, path, Range="bytes=0-9", If_Range=own))[0] == 206
    assert (await ask(client, path, Range="bytes=0-9", If_Range=other))[0] == 200


async def test_download_asks_the_browser_to_save_it(client: ClientSession, path: str) -> None:
    _, headers, _ = await ask(client, f"{path}?download")
    assert headers["Content-Disposition"].startswith("attachment;")


async def test_what_is_not_there_is_named(client: ClientSession, still: Still, path: str) -> None:
    run_id = path.rpartition("/")[2]
    wanted = {
        f"/api/media/audio/{run_id}/3": "index",
        f"/api/media/audio/{run_id}/x": "index",
        f"/api/media/video/{run_id}": "media",
        f"/api/media/smell/{run_id}": "media",
        "/api/media/audio/20300101-000000-ffffffff": "run_id",
        "/api/media/audio/..%2f..%2fetc%2fpasswd": "run_id",
    }
    still.app.exports.file(run_id, NAME).unlink()
    wanted[path] = "media"
    for there, field in wanted.items():
        async with client.get(there) as reply:
            assert (reply.status, (await reply.json())["error"]["field"]) == (404, field), there


async def test_a_page_that_a_graph_made_runs_no_script(client: ClientSession, still: Still) -> None:
    run_id = await still.accept()
    await still.add_file(run_id, b"<script></script>", "07_output_file.html", media="file", mime="text/html")
    _, headers, _ = await ask(client, f"/api/media/file/{run_id}")
    assert headers["Content-Security-Policy"] == "sandbox"
