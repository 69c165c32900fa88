from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from devserver.files.late import LateRecords
from tests.patience import PATIENCE_S


class Disk:
    """A disk that takes records once it has room; `happened` is set with each that was tried."""

    def __init__(self) -> None:
        self.full, self.tried, self.kept = True, list[str](), list[str]()
        self.happened = asyncio.Event()

    async def write(self, run_id: str) -> None:
        self.tried.append(run_id)
        self.happened.set()
        if self.full:
            raise OSError("no room")
        self.kept.append(run_id)

    async def until_tried(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.tried) < times:
                self.happened.clear()
                await self.happened.wait()


@pytest.fixture
async def disk() -> Disk:
    return Disk()


@pytest.fixture
async def late(disk: Disk) -> AsyncIterator[LateRecords]:
    made = LateRecords(disk.write, pause_s=0.001)
    yield made
    await made.close()


async def test_a_record_is_tried_until_the_disk_takes_it_and_then_no_more(disk: Disk, late: LateRecords) -> None:
    late.add("b")
    late.add("a")
    late.add("a")
    await disk.until_tried(4)
    disk.full = False
    assert late._task is not None
    await asyncio.wait_for(late._task, PATIENCE_S)
    assert sorted(disk.kept) == ["a", "b"]
    assert disk.tried[:4] == ["a", "b", "a", "b"]


async def test_one_that_comes_after_all_were_kept_is_kept_too(disk: Disk, late: LateRecords) -> None:
    disk.full = False
    for run_id in ("a", "b"):
        late.add(run_id)
        assert late._task is not None
        await asyncio.wait_for(late._task, PATIENCE_S)
    assert disk.kept == ["a", "b"]


async def test_a_server_that_stops_waits_for_no_disk(disk: Disk, late: LateRecords) -> None:
    late.add("a")
    await disk.until_tried(1)
    await late.close()
    assert late._task is not None
    assert late._task.done()
