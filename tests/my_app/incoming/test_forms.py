"""Forms: the first file in them, and all that may not stand before it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientSession, web

from my_app.incoming.forms import MOST_BYTES, MOST_FIELDS, MOST_LINES, blocks_of, file_field
from tests.my_app.incoming.conftest import Reader

FILE = b"sound " * 1000


def field(name: str, content: bytes, *headers: str, filename: str = "") -> bytes:
    """One field of a form with the boundary x."""
    named = f'; filename="{filename}"' if filename else ""
    lines = ["--x", f'Content-Disposition: form-data; name="{name}"{named}', *headers, "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


SONG = field("file", FILE, filename="song.wav")
END = b"--x--\r\n"


async def read(request: web.Request) -> bytes:
    """The file of a form, behind its name."""
    part = await file_field(request)
    return b"".join([str(part.filename).encode(), b": ", *[block async for block in blocks_of(request, part)]])


@pytest.fixture
async def client(served: Reader) -> AsyncIterator[ClientSession]:
    async with served(read) as client:
        yield client


async def sent(client: ClientSession, body: bytes, kind: str = "multipart/form-data; boundary=x") -> tuple[int, bytes]:
    async with client.post("/", data=BytesIO(body), headers={"Content-Type": kind}) as reply:
        return reply.status, await reply.read()


async def refusal(client: ClientSession, body: bytes, kind: str = "multipart/form-data; boundary=x") -> tuple[Any, ...]:
    status, content = await sent(client, body, kind)
    error = json.loads(content)["error"]
    return error["message_code"], status, error["field"]


async def test_the_first_file_is_read_whatever_small_fields_stand_before_it(client: ClientSession) -> None:
    fields = field("title", b"Nocturne") * (MOST_FIELDS - 1)
    assert await sent(client, fields + SONG + END) == (200, b"song.wav: " + FILE)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (field("title", b"Nocturne") + END, "form_no_file"),
        (b"--y\r\n", "form_unreadable"),
        (field("title", b"Nocturne", "no header") + SONG + END, "form_unreadable"),
        (SONG[:-10], "form_cut_off"),
    ],
)
async def test_a_form_that_brings_no_whole_file_is_refused(client: ClientSession, body: bytes, code: str) -> None:
    assert await refusal(client, body) == (code, 400, "file")


async def test_a_form_without_a_boundary_is_refused(client: ClientSession) -> None:
    assert await refusal(client, SONG + END, "multipart/form-data") == ("form_unreadable", 400, "file")


@pytest.mark.parametrize(
    "before",
    [
        field("title", b"x") * MOST_FIELDS,
        field("title", b"x" * (MOST_BYTES + (1 << 17))),
        b"no boundary\r\n" * MOST_LINES,
    ],
    ids=["fields", "bytes", "lines"],
)
async def test_too_much_before_the_file_is_refused(client: ClientSession, before: bytes) -> None:
    assert await refusal(client, before + SONG + END) == ("form_too_much_before_file", 413, "file")


async def test_a_file_may_be_larger_than_what_may_stand_before_it(client: ClientSession) -> None:
    large = bytes(MOST_BYTES + (1 << 17))
    assert await sent(client, field("file", large, filename="a.wav") + END) == (200, b"a.wav: " + large)
