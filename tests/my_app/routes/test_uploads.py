"""Files on their way in: whole or in pieces, known or not, too long, cut off, or twice at once."""

from __future__ import annotations

import asyncio
import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from aiohttp import ClientSession, FormData

from devserver.files.uploads import Uploads
from my_app.front import Listening
from tests.my_app.still import Still
from tests.patience import PATIENCE_S

WAV = b"RIFF\x24\x08\x00\x00WAVEfmt " + bytes(2000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture(autouse=True)
def _unexamined(still: Still) -> None:
    """Uploads of at most 1 MiB whose content nobody looks at: here it is about how they come in."""
    still.app.uploads = Uploads(still.app.exports.uploads, 1 << 20)


def kept(still: Still) -> dict[str, bytes]:
    """Everything in the folder of uploads."""
    return {path.name: path.read_bytes() for path in still.app.uploads.folder.iterdir()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_the_body_is_kept_once_under_its_hash(client: ClientSession, still: Still) -> None:
    for status in (201, 200):
        async with client.post("/api/uploads", data=WAV) as reply:
            assert reply.status == status
            told = {"id": f"{sha256(WAV)}.wav", "media": "audio", "mime": "audio/wav", "bytes": len(WAV)}
            assert await reply.json() == told
    assert kept(still) == {sha256(WAV): WAV}


async def test_a_form_brings_a_file_too(client: ClientSession, still: Still) -> None:
    form = FormData()
    form.add_field("note", "hello")
    form.add_field("file", PNG, filename="cover.jpg")
    async with client.post("/api/uploads", data=form) as reply:
        assert (reply.status, (await reply.json())["id"]) == (201, f"{sha256(PNG)}.png")
    assert kept(still) == {sha256(PNG): PNG}


async def test_the_name_decides_only_what_the_content_leaves_open(client: ClientSession) -> None:
    mp4 = b"\0\0\0\x18ftypmp42" + bytes(100)
    for name, ext in (("a.m4a", "m4a"), ("a.mp4", "mp4"), ("a.png", "mp4")):
        async with client.post("/api/uploads", params={"name": name}, data=mp4) as reply:
            assert (await reply.json())["id"].endswith(f".{ext}")


@pytest.mark.parametrize("content", [b"<script>alert(1)</script>", b"{}", b"PK\x03\x04" + bytes(50), bytes(50)])
async def test_what_is_no_media_is_refused_with_what_is_allowed(
    client: ClientSession, still: Still, content: bytes
) -> None:
    async with client.post("/api/uploads", params={"name": "song.mp3"}, data=content) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["field"]) == (415, "file")
        assert {"wav", "mp3", "png", "mp4"} <= set(error["allowed"])
    assert kept(still) == {}


async def test_too_long_is_refused_with_the_limit_told_or_found(client: ClientSession, still: Still) -> None:
    async def pieces() -> object:
        for _ in range(1100):
            yield b"RIFF\x24\x08\x00\x00WAVE" + bytes(1012)

    for data in (BytesIO(WAV + bytes(1 << 20)), pieces()):
        async with client.post("/api/uploads", data=data) as reply:
            error = (await reply.json())["error"]
            assert (reply.status, error["allowed"]) == (413, "at most 1 MiB")
    assert kept(still) == {}


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"", "application/octet-stream", 422),
        (b"--x\r\nno form", "multipart/form-data; boundary=x", 400),
        (b"no form", "multipart/form-data", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.wav"\r\n\r\n' + WAV,
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
async def test_what_is_no_file_is_refused(
    client: ClientSession, still: Still, data: bytes, kind: str, status: int
) -> None:
    async with client.post("/api/uploads", data=data, headers={"Content-Type": kind}) as reply:
        assert (reply.status, (await reply.json())["error"]["field"]) == (status, "file")
    assert kept(still) == {}


@pytest.mark.parametrize("coding", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
async def test_a_cut_upload_leaves_nothing(front: Listening, still: Still, coding: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", front.port)
    head = b"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\n" + coding + b"\r\n\r\n"
    writer.write(head + (b"%x\r\n" % 4000 if b"chunked" in coding else b"") + WAV)
    await writer.drain()
    async with asyncio.timeout(PATIENCE_S):
        while not kept(still):  # noqa: ASYNC110 - a folder tells no event
            await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(PATIENCE_S):
        while kept(still):  # noqa: ASYNC110 - same
            await asyncio.sleep(0)


async def test_two_at_once_are_one_file(client: ClientSession, still: Still) -> None:
    content = WAV + bytes(500_000)

    async def send() -> int:
        async with client.post("/api/uploads", data=content) as reply:
            return reply.status

    assert set(await asyncio.gather(*(send() for _ in range(8)))) <= {200, 201}
    assert kept(still) == {sha256(content): content}


def test_what_a_killed_server_left_is_cleared(still: Still) -> None:
    Path(still.app.uploads.folder / "0123.part").write_bytes(b"half")
    (still.app.uploads.folder / sha256(WAV)).write_bytes(WAV)
    still.app.uploads.clear_parts()
    assert kept(still) == {sha256(WAV): WAV}


def test_an_id_finds_its_content_and_nothing_else(still: Still) -> None:
    (still.app.uploads.folder / sha256(WAV)).write_bytes(WAV)
    found = {"sha256": sha256(WAV), "ext": "wav"}
    assert [still.app.uploads.find(sha256(WAV)), still.app.uploads.find(f"{sha256(WAV)}.wav")] == [found, found]
    wrong = [f"{sha256(WAV)}.png", "0" * 64, f"../uploads/{sha256(WAV)}", f"{sha256(WAV)}.wav/..", ""]
    assert [still.app.uploads.find(name) for name in wrong] == [None] * len(wrong)
