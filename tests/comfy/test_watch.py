"""The witness: a file is told of when it is whole, however its folders and its bytes come about."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devserver.comfy.watch import wait_until_whole
from tests.patience import PATIENCE_S


def of_length(path: Path, length: int) -> bool:
    return path.is_file() and path.stat().st_size == length


async def test_a_file_in_folders_that_are_made_with_it_is_never_missed(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / f"run{number}" / "stage" / "a.mp3"
        waiting = asyncio.create_task(wait_until_whole(path, tmp_path, lambda path=path: of_length(path, 3)))  # type: ignore[misc]
        await asyncio.sleep(0.005 * number)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"abc")
        async with asyncio.timeout(PATIENCE_S):
            await waiting


async def test_each_step_of_its_folders_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "run" / "stage" / "a.mp3"
    asked: asyncio.Queue[bool] = asyncio.Queue()

    def whole() -> bool:
        asked.put_nowait(of_length(path, 3))
        return of_length(path, 3)

    waiting = asyncio.create_task(wait_until_whole(path, tmp_path, whole))
    async with asyncio.timeout(PATIENCE_S):
        for folder in (path.parent.parent, path.parent):
            assert [await asked.get(), await asked.get()] == [False, False]
            folder.mkdir()
            assert await asked.get() is False
        assert [await asked.get(), await asked.get()] == [False, False]
        path.write_bytes(b"abc")
        await waiting


async def test_newer_files_beside_it_and_half_of_it_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    asked: asyncio.Queue[bool] = asyncio.Queue()

    def whole() -> bool:
        asked.put_nowait(of_length(path, 8))
        return of_length(path, 8)

    waiting = asyncio.create_task(wait_until_whole(path, tmp_path, whole))
    async with asyncio.timeout(PATIENCE_S):
        assert [await asked.get(), await asked.get()] == [False, False]
        (tmp_path / "newer.mp3").write_bytes(b"complete")
        assert await asked.get() is False
        with path.open("wb") as file:
            file.write(b"half")
            file.flush()
            assert await asked.get() is False
            assert not waiting.done()
            file.write(b"half")
        await waiting


async def test_a_file_that_is_there_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"abc")
    async with asyncio.timeout(PATIENCE_S):
        await wait_until_whole(path, tmp_path, lambda: of_length(path, 3))
