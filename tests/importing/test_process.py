"""Foreign files are read in a process that ends: at a limit, with its request, with the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from devserver.definitions.process import ImportProcesses, Job
from schemas.importing.form import ImportRefused
from tests.doubles.programs import ROOT, Server
from tests.importing.test_limits import nested
from tests.importing.test_server import QUIET

SHIPPED = ROOT / "schemas"
MODULE = "devserver.definitions.work"
PATIENCE_S = 120.0


def job(path: Path | None = None, filename: str | None = None, graph: dict[str, Any] | None = None) -> Job:
    return Job("x", "x", [SHIPPED], graph=graph, path=path, filename=filename)


def children(parent: int) -> list[int]:
    """The import processes of a process."""
    found = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        for pid in (task / "children").read_text().split():
            try:
                if MODULE in Path(f"/proc/{pid}/cmdline").read_text():
                    found.append(int(pid))
            except OSError:  # it has ended meanwhile
                continue
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def hanging(path: Path) -> Path:
    """A file that never comes to its end, whoever reads it."""
    os.mkfifo(path)
    return path


async def test_a_graph_becomes_definitions_in_a_process() -> None:
    made = await ImportProcesses().make(job(graph=QUIET))
    assert (made["name"], made["form"]) == ("x", "ui")
    assert children(os.getpid()) == []


async def test_the_refusal_comes_with_its_limit_and_value() -> None:
    with pytest.raises(ImportRefused) as caught:
        await ImportProcesses().make(job(graph=nested(12, 10)))
    assert caught.value.limit is not None
    assert caught.value.limit[1] > 10**12


async def test_who_stops_waiting_ends_the_process(tmp_path: Path) -> None:
    task = asyncio.create_task(ImportProcesses().make(job(hanging(tmp_path / "pipe"))))
    await asyncio.to_thread(wait_for, lambda: bool(children(os.getpid())))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children(os.getpid()) == []


async def test_a_process_that_takes_too_long_is_ended_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="longer than 3 s"):
        await ImportProcesses(deadline_s=3.0).make(job(hanging(tmp_path / "pipe")))
    assert children(os.getpid()) == []


async def test_the_processor_time_is_limited(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{" + ",".join(f'"{n}": {{}}' for n in range(1_200_000)) + "}")
    with pytest.raises(ImportRefused, match=r"processor time|1200000 nodes"):
        await ImportProcesses(processor_s=1).make(job(path))


def riff(form: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    body = form + b"".join(kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def inflating_mp3() -> bytes:
    """A tag that is compressed and would become half a gigabyte."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    text = b"".join(packer.compress(block) for _ in range(512)) + packer.flush()
    frame = b"TXXX" + synchsafe(len(text) + 4) + b"\0\x09" + synchsafe(0x0FFFFFFF) + text
    return b"ID3\x04\0\0" + synchsafe(len(frame)) + frame + b"\xff\xfb\x90\0" * 200


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    head = (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    parts = [head, *chunks, (b"IDAT", zlib.compress(b"\0\0\0\0")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body)) for kind, body in parts
    )


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def deep_boxes() -> bytes:
    body = b""
    for _ in range(20_000):
        body = box(b"moov", body)
    return box(b"ftyp", b"isom\0\0\0\0isom") + body


def many_keys() -> bytes:
    keys = b"".join(box(b"mdta", b"k%d" % n) for n in range(100_000))
    items = b"".join(box(struct.pack(">I", n + 1), box(b"data", bytes(8) + b"v")) for n in range(100_000))
    meta = bytes(4) + box(b"keys", struct.pack(">II", 0, 100_000) + keys) + box(b"ilst", items)
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", box(b"udta", box(b"meta", meta)))


def flac(count: int) -> bytes:
    comments = struct.pack("<I", 0) + struct.pack("<I", count) + struct.pack("<I", 3) + b"a=b"
    info = b"\0" + struct.pack(">I", 34)[1:] + struct.pack(">HH", 4096, 4096) + bytes(6)
    info += (44100 << 44 | 1 << 41 | 15 << 36).to_bytes(8, "big") + bytes(16)
    return b"fLaC" + info + b"\x84" + struct.pack(">I", len(comments))[1:] + comments


MONSTERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a tag that inflates": ("mp3", inflating_mp3),
    "a tag longer than the file": ("mp3", lambda: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"TXXX" + bytes(100)),
    "compressed texts": ("png", lambda: png((b"zTXt", b"prompt\0\0" + zlib.compress(bytes(200 << 20))))),
    "an international text that inflates": (
        "png",
        lambda: png((b"iTXt", b"prompt\0\1\0\0\0" + zlib.compress(bytes(200 << 20)))),
    ),
    "a graph nested without end": ("png", lambda: png((b"tEXt", b"prompt\0" + b'{"a":' * 100_000))),
    "a chunk longer than the file": ("png", lambda: png()[:60] + b"\x7f\xff\xff\xfftEXtprompt\0{}"),
    "four billion comments": ("flac", lambda: flac(0xFFFFFFFF)),
    "boxes in boxes": ("mp4", deep_boxes),
    "many keys": ("mp4", many_keys),
    "a tag of nothing": ("wav", lambda: riff(b"WAVE", (b"fmt ", bytes(16)), (b"id3 ", b"ID3\x04\0\0\x7f\x7f\x7f\x7f"))),
    "JSON nested without end": ("json", lambda: b'{"a":' * 200_000),
    "JSON cut off": ("json", lambda: b'{"1": {"class_type": "Empty'),
    "nothing": ("mp3", lambda: b""),
    "a folder of a picture": ("webp", lambda: riff(b"WEBP", (b"VP8 ", bytes(10)), (b"EXIF", bytes(1000)))),
}


@pytest.mark.parametrize("case", MONSTERS)
async def test_a_monstrous_file_is_refused_in_words(tmp_path: Path, case: str) -> None:
    ext, made = MONSTERS[case]
    path = tmp_path / f"monster.{ext}"
    path.write_bytes(made())
    with pytest.raises(ImportRefused) as caught:
        await ImportProcesses(memory_bytes=400 << 20).make(job(path, path.name))
    assert caught.value.message
    assert "Traceback" not in caught.value.message


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    line = job(hanging(tmp_path / "pipe")).to_line()
    process = subprocess.Popen([sys.executable, "-m", MODULE, "20", str(1 << 30)], cwd=ROOT, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with Server(tmp_path / "exports", embedded=False) as running:
        yield running


def frozen(server: Server) -> int:
    """The process of an import that was just asked for, stopped as it starts: it never comes to its end."""
    wait_for(lambda: bool(children(server.pid)))
    (pid,) = children(server.pid)
    os.kill(pid, signal.SIGSTOP)
    return pid


def ask(server: Server, body: dict[str, Any]) -> threading.Thread:
    """Ask for an import and wait for no answer."""

    def send() -> None:
        request = urllib.request.Request(
            f"{server.url}/api/schema/import", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=PATIENCE_S).close()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def test_the_server_stops_while_an_import_hangs_and_other_routes_answer(server: Server) -> None:
    asking = [ask(server, {"graph": QUIET})]
    pid = frozen(server)
    asking += [ask(server, {"graph": QUIET}) for _ in range(6)]
    assert server.call("GET", "/api/schema/outputs")[0] == 200
    assert pid in children(server.pid)
    assert server.stop() == 0
    assert not Path(f"/proc/{pid}").exists()
    for thread in asking:
        thread.join(PATIENCE_S)


def test_an_import_ends_when_its_client_goes(server: Server) -> None:
    import http.client

    body = json.dumps({"graph": QUIET})
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=PATIENCE_S)
    connection.request("POST", "/api/schema/import", body, {"Content-Type": "application/json"})
    pid = frozen(server)
    connection.close()
    wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_a_graph_that_explodes_is_a_422_with_limit_and_value(server: Server) -> None:
    status, told = server.call("POST", "/api/schema/import", {"graph": nested(12, 10)})
    assert (status, told["error"]["field"]) == (422, "graph")
    assert told["error"]["value"] > 10**12
    assert told["error"]["allowed"] == "at most 10000 nodes with its sub-graphs expanded"
