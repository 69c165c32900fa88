"""A server within the test: it says where it is, and leaves nothing behind however it ends."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from cli import serve as serving
from cli.serve import READY
from config import Settings
from devserver.files.exports import Exports
from tests.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What a server keeps from the garbage collector is given back to it."""
    yield
    gc.unfreeze()


def settings(folder: Path, **given: object) -> Settings:
    quiet = {"exports": folder, "port": 0, "embedded": False, "discover": False}
    return Settings.model_validate({**quiet, **given})


async def ready(capsys: pytest.CaptureFixture[str], task: asyncio.Task[None]) -> str:
    """Wait for the line that tells the address."""
    async with asyncio.timeout(PATIENCE_S):
        while READY not in (said := capsys.readouterr().out):
            assert not task.done(), task
            await asyncio.sleep(0.01)
    return said.partition(READY)[2].strip()


def assert_unlocked(folder: Path) -> None:
    exports = Exports(folder)
    exports.lock({})
    exports.unlock()


async def test_a_server_that_is_cancelled_closes_its_port_and_unlocks_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = asyncio.create_task(serving._serve(settings(tmp_path)))
    url = await ready(capsys, task)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/health") as answer:
            assert answer.status == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"{url}/health")
    assert_unlocked(tmp_path)


async def test_a_port_that_is_taken_leaves_no_lock_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use"):
        await serving._serve(settings(tmp_path, port=taken.getsockname()[1]))
    assert_unlocked(tmp_path)
