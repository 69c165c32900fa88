"""What is too large, too slow or no HTTP at all is refused early and in the one shape; the server goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp import ClientSession

from my_app.door import listener
from my_app.door.context import FrontSettings
from my_app.front import Listening
from my_app.incoming.bodies import DEEPEST
from my_app.table import ROUTES
from my_app.views.route import SMALL_BODY_BYTES
from tests.my_app.still import PUBLIC, Still
from tests.patience import PATIENCE_S

EXECUTE = "/api/schema/pipeline/execute"
WITH_BODY = sorted({route.path for route in ROUTES if route.body is not None or route.forms})


@pytest.fixture
async def hasty(still: Still) -> AsyncIterator[Listening]:
    """A front that does not wait long for a body."""
    async with still.listening(FrontSettings(public=PUBLIC, stall_s=0.1)) as listening:
        yield listening


async def say(front: Listening, *pieces: bytes) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are; the first answer's status and its JSON."""
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    with closing(writer):
        async with asyncio.timeout(PATIENCE_S):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            body = await reader.readexactly(length)
    return int(head.split()[1]), json.loads(body)["error"]


def head(method: str, path: str, *fields: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode()


@pytest.mark.parametrize("path", WITH_BODY)
async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(front: Listening, path: str) -> None:
    status, error = await say(front, head("POST", path, f"Content-Length: {1 << 40}"))
    assert (status, error["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", WITH_BODY)
async def test_who_asks_before_sending_is_told_at_once(front: Listening, path: str) -> None:
    status, error = await say(front, head("POST", path, f"Content-Length: {1 << 40}", "Expect: 100-continue"))
    assert (status, error["code"]) == (413, "too_large")


async def test_who_asks_before_sending_and_may_is_told_to_go_on(front: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(head("POST", EXECUTE, "Content-Length: 2", "Expect: 100-continue"))
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize("path", [EXECUTE, "/api/prompt/parse", "/api/session", "/api/runs/{}/cancel"])
async def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(client: ClientSession, path: str) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 64 * SMALL_BODY_BYTES:
            sent += 1 << 16
            yield b" " * (1 << 16)

    async with client.post(path.format("20300101-000000-00000000"), data=endless()) as reply:
        assert reply.status == 413
        assert sent < 32 * SMALL_BODY_BYTES, "it was read on long after the limit"


async def test_a_body_that_stops_on_its_way_is_not_waited_for(hasty: Listening) -> None:
    for path in (EXECUTE, "/api/prompt/parse", "/api/session", "/api/uploads"):
        status, error = await say(hasty, head("POST", path, "Content-Length: 100"), b"{")
        assert (status, error["code"]) == (408, "request_timeout"), path
    form = 'Content-Type: multipart/form-data; boundary="x"'
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nRIFF'
    for begin in (b"--x\r\n", part):
        status, error = await say(hasty, head("POST", "/api/uploads", form, "Content-Length: 1000"), begin)
        assert (status, error["code"]) == (408, "request_timeout")


async def test_headers_that_never_end_are_not_waited_for(still: Still, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "QUIET_S", 0.1)
    async with still.listening(FrontSettings(PUBLIC)) as listening:
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: loc")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(500)) + b"\r\n", 431),
        (b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX : 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
    ],
    ids=lambda value: str(value[:60]) if isinstance(value, bytes) else None,
)
async def test_what_is_no_http_is_refused_in_the_one_shape(
    front: Listening, client: ClientSession, sent: bytes, status: int
) -> None:
    told, error = await say(front, sent)
    assert told == status
    assert error["message"]
    async with client.get("/health") as reply:
        assert reply.status == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * (DEEPEST + 2) + b"]" * (DEEPEST + 2), "deeper"),
        (b'{"a":' * 100_000, f"it is deeper than {DEEPEST} levels"),
        (b'{"input_text": "x", "input_text": "y"}', "twice"),
        (b'{"input_text": "a\\u0000b"}', "zero byte"),
        (b'{"input_text": "\\ud800"}', "not JSON"),
        (b'{"input_text": NaN}', "NaN"),
        (b'{"input_text": Infinity}', "Infinity"),
        (b'{"input_text": ' + b"9" * 5000 + b"}", "a number has 5000 digits, and 400 are allowed"),
        (b'\xef\xbb\xbf{"input_text": "x"}', "not JSON"),
        (b'{"input_text": "\xc0\xaf"}', "not UTF-8 text"),
        (b'"text"', "not an object"),
    ],
)
async def test_json_that_two_programs_could_read_in_two_ways_is_refused(
    client: ClientSession, still: Still, body: bytes, why: str
) -> None:
    async with client.post(EXECUTE, data=body) as reply:
        assert reply.status == 400
        assert why in (await reply.json())["error"]["message"]
    assert not await still.users()


@pytest.mark.parametrize("path", [EXECUTE, "/api/uploads"])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_that_is_not_packed_as_it_says_is_the_clients_mistake_alone(
    client: ClientSession, caplog: pytest.LogCaptureFixture, path: str, coding: str
) -> None:
    async with client.post(path, data=b"garbage" * 100, headers={"Content-Encoding": coding}) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"]) == (400, "Content-Encoding")
    async with client.get("/health") as reply:  # on a new connection: where the bad body ended is not known
        assert reply.status == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
