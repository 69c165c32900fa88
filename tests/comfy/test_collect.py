"""Collecting: the file that the history names, whole, from wherever it lies, and never from outside its folder."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from devserver.comfy.client import Client
from devserver.comfy.collect import collect, files_of
from devserver.comfy.errors import OutputMissing, Unreachable, UnsafePath
from devserver.comfy.files import RemoteFile
from devserver.system.sniff import sniff
from tests.comfy.backend import Backend
from tests.patience import PATIENCE_S

FILE = RemoteFile("2", "audio", "a_00001_.mp3", "runs/r1")
CONTENT = b"ID3" + bytes(range(256)) * 400


def paths(outputs: Any) -> list[str]:
    return [file.path for file in files_of(outputs)]


def test_every_key_counts_and_only_what_has_a_filename() -> None:
    outputs = {
        "9": {"gifs": [{"filename": "a.mp4", "subfolder": "v", "type": "output", "frame_rate": 8}]},
        "8": {"text": ["a prompt"], "files": [{"filename": "b.mid"}], "animated": [True]},
        "7": {"video": {"filename": "c.webm", "type": "output"}, "3d": [{"filename": "d.glb", "subfolder": None}]},
        "6": {"images": [{"filename": "a.mp4", "subfolder": "v", "type": "output"}]},
        "5": None,
    }
    assert paths(outputs) == ["v/a.mp4", "b.mid", "c.webm", "d.glb"]


def test_temporary_files_count_only_where_there_is_nothing_else() -> None:
    temporary = {"1": {"audio": [{"filename": "t.flac", "subfolder": "", "type": "temp"}]}}
    assert paths(temporary) == ["t.flac"]
    assert paths({**temporary, "2": {"audio": [{"filename": "o.mp3", "type": "output"}]}}) == ["o.mp3"]
    assert paths({"1": {"audio": [{"filename": "i.mp3", "type": "input"}]}}) == []


@pytest.mark.parametrize(
    ("subfolder", "filename"),
    [
        ("../other", "a.mp3"),
        ("", "../a.mp3"),
        ("/etc", "passwd"),
        ("", "/etc/passwd"),
        ("runs/../../x", "a.mp3"),
        ("runs\\..\\..", "a.mp3"),
        ("C:/Windows", "a.mp3"),
        ("", ".."),
        ("", ""),
        ("a", "b/c.mp3"),
        ("", "a\0.mp3"),
    ],
)
def test_a_path_that_leads_outside_is_refused(subfolder: str, filename: str) -> None:
    with pytest.raises(UnsafePath, match="outside its folder"):
        files_of({"1": {"audio": [{"filename": filename, "subfolder": subfolder, "type": "output"}]}})


def test_folders_of_a_windows_backend_are_folders_here() -> None:
    assert RemoteFile("1", "audio", "a.mp3", "tonewright\\r1").path == "tonewright/r1/a.mp3"


def shared(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "output" / "runs" / "r1" / "a_00001_.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


async def test_a_file_in_the_shared_folder_is_copied_and_stays(
    backend: Backend, client: Client, tmp_path: Path
) -> None:
    backend.files[FILE.path] = CONTENT
    original = shared(tmp_path)
    target = tmp_path / "run" / "07.mp3.part"
    collected = await collect(client, FILE, target, tmp_path / "output")
    assert collected == (sniff(original), "shared_folder")
    assert target.read_bytes() == CONTENT
    assert original.read_bytes() == CONTENT
    assert ("GET", "/view") not in [(request.method, request.path) for request in backend.requests]


async def test_a_file_that_is_still_written_is_waited_for(backend: Backend, client: Client, tmp_path: Path) -> None:
    backend.files[FILE.path] = CONTENT
    path = shared(tmp_path, CONTENT[:1000])

    async def write_on(_request: web.Request) -> web.Response:
        asyncio.get_running_loop().call_later(0.05, path.write_bytes, CONTENT)
        return web.Response(headers={"Content-Length": str(len(CONTENT))})

    backend.answers["HEAD", "/view"] = write_on
    target = tmp_path / "07.mp3.part"
    await collect(client, FILE, target, tmp_path / "output", close_limit_seconds=PATIENCE_S)
    assert target.read_bytes() == CONTENT
    assert "GET" not in [request.method for request in backend.requests]


async def test_a_file_whose_folders_are_not_there_yet_is_waited_for(
    backend: Backend, client: Client, tmp_path: Path
) -> None:
    backend.files[FILE.path] = CONTENT
    (tmp_path / "output").mkdir()

    async def write_all(_request: web.Request) -> web.Response:
        asyncio.get_running_loop().call_later(0.05, shared, tmp_path)
        return web.Response(headers={"Content-Length": str(len(CONTENT))})

    backend.answers["HEAD", "/view"] = write_all
    target = tmp_path / "07.mp3.part"
    await collect(client, FILE, target, tmp_path / "output", close_limit_seconds=PATIENCE_S)
    assert target.read_bytes() == CONTENT
    assert "GET" not in [request.method for request in backend.requests]


async def test_what_the_shared_folder_lacks_is_downloaded(
    backend: Backend, client: Client, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend.files[FILE.path] = CONTENT
    (tmp_path / "output").mkdir()
    target = tmp_path / "07.mp3.part"
    await collect(client, FILE, target, tmp_path / "output", close_limit_seconds=0.05)
    assert target.read_bytes() == CONTENT
    assert "is incomplete in the shared folder" in caplog.text


async def test_another_runs_file_of_the_same_name_is_not_taken(
    backend: Backend, client: Client, tmp_path: Path
) -> None:
    backend.files[FILE.path] = CONTENT
    shared(tmp_path, b"an older file")
    target = tmp_path / "07.mp3.part"
    await collect(client, FILE, target, tmp_path / "output", close_limit_seconds=0.05)
    assert target.read_bytes() == CONTENT


async def test_a_file_that_the_backend_no_longer_has_is_missing_even_if_a_copy_lies_around(
    client: Client, tmp_path: Path
) -> None:
    shared(tmp_path)
    with pytest.raises(OutputMissing):
        await collect(client, FILE, tmp_path / "07.mp3.part", tmp_path / "output")


async def test_a_link_that_leads_out_of_the_shared_folder_is_refused(
    backend: Backend, client: Client, tmp_path: Path
) -> None:
    backend.files[FILE.path] = CONTENT
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / FILE.filename).write_bytes(CONTENT)
    (tmp_path / "output" / "runs").mkdir(parents=True)
    (tmp_path / "output" / "runs" / "r1").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsafePath, match="link to outside"):
        await collect(client, FILE, tmp_path / "07.mp3.part", tmp_path / "output")


async def test_a_download_that_breaks_twice_is_tried_a_third_time(
    backend: Backend, client: Client, tmp_path: Path
) -> None:
    broken = 0

    async def break_twice(request: web.Request) -> web.StreamResponse:
        nonlocal broken
        if broken == 2:
            return web.Response(body=CONTENT)
        broken += 1
        response = web.StreamResponse(headers={"Content-Length": str(len(CONTENT))})
        await response.prepare(request)
        await response.write(CONTENT[:100])
        assert request.transport is not None
        request.transport.close()
        return response

    backend.answers["GET", "/view"] = break_twice
    target = tmp_path / "07.mp3.part"
    assert (await collect(client, FILE, target)).route == "view"
    assert target.read_bytes() == CONTENT
    await backend.stop()
    with pytest.raises(Unreachable):
        await collect(client, FILE, tmp_path / "07.mp3.part")
