from __future__ import annotations

import asyncio

import pytest

from devserver.processes.finish import finish


async def test_work_is_done_to_its_end_and_its_result_returned() -> None:
    assert await finish(asyncio.ensure_future(asyncio.sleep(0, "done"))) == "done"


async def test_what_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        await finish(asyncio.ensure_future(fail()))


async def test_a_caller_that_is_cancelled_again_and_again_is_cancelled_after_the_end() -> None:
    go, done = asyncio.Event(), list[str]()

    async def work() -> None:
        await go.wait()
        done.append("work")

    waiting = asyncio.create_task(finish(asyncio.ensure_future(work())))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["work"]
