"""Floods: forms of a hundred thousand parts, headers without end, clients that read nothing, too many connections."""

from __future__ import annotations

import asyncio
import errno
import logging
import re
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, closing, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import ClientSession, ClientTimeout

from devserver.model.events import OtherData
from my_app.door.context import FrontSettings
from my_app.door.listener import LONGEST_BYTES, MOST_HEADER_BYTES, MOST_HEADERS, NOT_ACCEPTED, AcceptTroubles
from my_app.door.room import OF_ADDRESS, OF_ALL, OF_FILES, Room
from my_app.front import Listening
from my_app.incoming import forms
from tests.doubles.odd_media import tone, wav
from tests.doubles.programs import Server
from tests.my_app.door.test_listener import head, say
from tests.my_app.still import PUBLIC, Still
from tests.patience import PATIENCE_S

EXECUTE = "/api/schema/pipeline/execute"
WAV = wav(tone(0.2))
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
FIELD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + WAV + b"\r\n--x--\r\n"

FORMS = {
    "many fields": FIELD * 100_000 + FILE,
    "one field too many": FIELD * forms.MOST_FIELDS + FILE,
    "a long field": FIELD.replace(b"b\r\n", b"b" * (2 << 20) + b"\r\n") + FILE,
    "many lines before the first boundary": b"\r\n" * 1_000_000 + FILE,
    "many headers": b"".join(  # of each field
        FIELD.replace(b"\r\n\r\n", b"\r\n" + b"X-Y: z\r\n" * 100 + b"\r\n") for _ in range(50)
    )
    + FILE,
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form_with_too_much_before_its_file_is_refused_after_few_steps(
    client: ClientSession, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    read: list[forms.Counted] = []

    class Kept(forms.Counted):
        def __init__(self, content: Any) -> None:
            super().__init__(content)
            read.append(self)

    monkeypatch.setattr(forms, "Counted", Kept)
    async with client.post("/api/uploads", data=BytesIO(FORMS[name]), headers=MULTIPART) as reply:
        error = (await reply.json())["error"]
    assert (reply.status, error["field"], error["allowed"]) == (413, "file", forms.too_much().allowed)
    assert read[0].lines <= forms.MOST_LINES + 1
    assert read[0].bytes <= forms.MOST_BYTES + 2 * forms.STEP_BYTES


async def test_a_form_with_a_few_fields_before_its_file_is_taken(client: ClientSession) -> None:
    for fields in (0, 1, forms.MOST_FIELDS - 1):
        async with client.post("/api/uploads", data=FIELD * fields + FILE, headers=MULTIPART) as reply:
            assert reply.status in {200, 201}, await reply.text()
            assert (await reply.json())["bytes"] == len(WAV)


async def test_headers_are_limited_in_number_and_in_bytes(front: Listening) -> None:
    lines = [f"X-{number}: y" for number in range(MOST_HEADERS + 1)]
    status, error = await say(front, head("GET", "/health", *lines))
    assert (status, error["allowed"]) == (431, f"up to {MOST_HEADERS} headers")
    status, error = await say(front, head("GET", "/health", "X-Long: " + "y" * 2 * LONGEST_BYTES))
    assert (status, error["allowed"]) == (431, f"up to {LONGEST_BYTES} bytes")
    many = head("GET", "/health", *(f"X-{number}: {'y' * 8000}" for number in range(100)))
    status, error = await say(front, *(many[at : at + 8192] for at in range(0, 2 * MOST_HEADER_BYTES, 8192)))
    assert (status, error["allowed"]) == (431, f"up to {MOST_HEADER_BYTES >> 10} KiB")


async def test_the_rest_of_a_body_that_was_refused_is_no_header(client: ClientSession) -> None:
    for _ in range(2):
        async with client.post(
            "/api/uploads", data=BytesIO(b"--x\r\n\r\n" + bytes(4 << 20)), headers=MULTIPART
        ) as reply:
            assert reply.status == 413
    async with client.post("/api/uploads", data=WAV + bytes(1 << 19)) as reply:
        assert reply.status == 201


async def test_many_requests_on_one_connection_are_no_flood(front: Listening) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    asked = head("GET", "/health", "X-Long: " + "y" * 4000)
    with closing(writer):
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(2 * MOST_HEADER_BYTES // len(asked)):
                writer.write(asked)
                answer = await reader.readuntil(b"}")
                assert answer.startswith(b"HTTP/1.1 200")


@pytest.fixture
async def narrow(still: Still) -> AsyncIterator[Listening]:
    """A front with little room, which does not wait long for those who read nothing."""
    settings = FrontSettings(PUBLIC, connections_per_address=8, requests_per_key=3, unread_s=1.0)
    async with still.listening(settings) as listening:
        yield listening


async def test_a_stream_that_nobody_reads_ends(
    narrow: Listening, still: Still, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", narrow.port))
        await loop.sock_sendall(deaf, head("GET", "/api/events"))
        await still.until_listening(1)
        async with asyncio.timeout(PATIENCE_S):
            while still.app.bus.listening:
                still.app.bus.tell(None, OtherData.of("queue", {"text": "x" * 100_000}))
                await asyncio.sleep(0.02)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_file_that_nobody_reads_is_given_up(
    narrow: Listening, still: Still, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = await still.accept()
    await still.add_file(run_id, bytes(32 << 20), "07_output_audio.mp3")
    reader, writer = await asyncio.open_connection("127.0.0.1", narrow.port, limit=1 << 10)
    with closing(writer):
        writer.write(head("GET", f"/api/media/audio/{run_id}"))
        own = narrow.runner.server
        assert own is not None
        async with asyncio.timeout(PATIENCE_S):
            assert (await reader.readexactly(12)) == b"HTTP/1.1 200"
            cast(asyncio.Transport, writer.transport).pause_reading()
            while own.connections:  # noqa: ASYNC110 - the system ends it, and tells no event
                await asyncio.sleep(0.05)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_address_has_so_many_connections_and_control_routes_answer_on_more(
    narrow: Listening, still: Still
) -> None:
    run_id = await still.accept()
    with ExitStack() as held:
        for count in range(1, 9):
            _, writer = await asyncio.open_connection("127.0.0.1", narrow.port)
            held.callback(writer.close)
            writer.write(head("GET", "/api/events"))
            await still.until_listening(count)
        status, error = await say(narrow, head("GET", "/api/runs"))
        assert (status, error["code"]) == (429, "too_many_connections")
        assert "connections_per_address" in error["allowed"]
        assert (await say(narrow, head("GET", "/nothing")))[0] == 429
        async with ClientSession(narrow.url, timeout=ClientTimeout(PATIENCE_S)) as client:
            async with client.get("/health") as reply:
                assert (reply.status, reply.headers["Connection"]) == (200, "close")
            async with client.get("/ready") as reply:
                assert (reply.status, (await reply.json())["ready"]) == (503, False)
            async with client.post(f"/api/runs/{run_id}/cancel") as reply:
                assert reply.status == 200
    await still.until_listening(0)
    async with ClientSession(narrow.url) as client, client.get("/api/runs") as reply:
        assert reply.status == 200


async def test_a_key_has_so_many_open_requests_and_another_key_is_not_held_up(narrow: Listening, still: Still) -> None:
    anna, bob = (still.app.keys.add(name) for name in ("anna", "bob"))
    run_id = await still.accept("anna")
    with ExitStack() as held:
        for count in range(1, 4):
            _, writer = await asyncio.open_connection("127.0.0.1", narrow.port)
            held.callback(writer.close)
            writer.write(head("GET", "/api/events", f"Authorization: Bearer {anna}"))
            await still.until_listening(count)
        status, error = await say(narrow, head("GET", "/api/runs", f"Authorization: Bearer {anna}"))
        assert (status, error["code"]) == (429, "too_many_requests")
        assert "requests_per_key" in error["allowed"]
        async with ClientSession(narrow.url, timeout=ClientTimeout(PATIENCE_S)) as client:
            async with client.get("/api/runs", headers={"Authorization": f"Bearer {bob}"}) as reply:
                assert reply.status == 200
            async with client.post(f"/api/runs/{run_id}/cancel", headers={"Authorization": f"Bearer {anna}"}) as reply:
                assert reply.status == 200


def test_room_ends_before_the_descriptors_do() -> None:
    room = Room(per_address=2, files=64)
    assert [room.enter("a", 10) for _ in range(3)] == ["", "", OF_ADDRESS]
    assert [room.enter(str(number), 20) for number in range(11)] == [""] * 5 + [OF_FILES] * 4 + [OF_ALL] * 2
    for _ in range(3):
        room.leave("a")
    for number in range(11):
        room.leave(str(number))
    assert [room.enter("a", number) for number in (59, 60)] == ["", OF_ALL]
    assert Room(files=20_000).most > 9_000


async def test_connections_that_cannot_be_taken_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    handle, loop = AcceptTroubles(lambda: now[0]), asyncio.get_running_loop()
    trouble = {"message": NOT_ACCEPTED, "exception": OSError(errno.EMFILE, "Too many open files")}
    for at in (0.0, 0.1, 59.0, 60.0, 61.0):
        now[0] = at
        for _ in range(100):
            handle(loop, trouble)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all("Too many open files" in line for line in told)
    assert "300 tries" in told[1]
    handle(loop, {"message": "something else"})
    assert "something else" in caplog.text


def _status(stream: socket.socket) -> bytes:
    """The status on a connection; b"" where it was ended without one."""
    with suppress(ConnectionResetError):
        return stream.recv(12)[9:]
    return b""


def test_a_server_with_few_descriptors_answers_its_control_routes_and_recovers(tmp_path: Path) -> None:
    with Server(tmp_path, before=("prlimit", "--nofile=64:64"), embedded=False) as server:
        host, port = "127.0.0.1", int(server.url.rpartition(":")[2])
        streams = []
        with ExitStack() as idle:
            for _ in range(80):
                stream = idle.enter_context(socket.create_connection((host, port), PATIENCE_S))
                stream.sendall(head("GET", "/api/events"))
                streams.append(stream)
            answers = [_status(stream) for stream in streams]
            assert 4 <= answers.count(b"200") <= 8
            assert set(answers) <= {b"200", b"503", b""}
            for _ in range(5):
                assert server.call("GET", "/health")[0] == 200
            assert server.call("POST", "/api/queue/pause", {})[0] == 200
            status, told = server.call("GET", "/api/runs")
            assert (status, told["error"]["code"]) == (503, "no_room")
        for _ in range(100):
            if server.call("GET", "/api/runs")[0] == 200:
                break
        assert server.call("POST", "/api/queue/resume", {})[0] == 200


def test_the_limit_of_open_files_is_raised_at_the_start(tmp_path: Path) -> None:
    with Server(tmp_path, before=("prlimit", "--nofile=256:5000"), embedded=False) as server:
        limits = Path(f"/proc/{server.pid}/limits").read_text()
    assert re.search(r"Max open files\s+5000\s+5000", limits), limits
