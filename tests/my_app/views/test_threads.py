"""The threads of the views: what was begun there is brought to its end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar

import pytest

from my_app.views.threads import Threads, wait_for
from tests.patience import PATIENCE_S

ASKS: ContextVar[str] = ContextVar("asks")


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads(1)
    yield made
    await made.close()


async def test_work_sees_the_context_of_the_request_and_its_error_arrives(threads: Threads) -> None:
    ASKS.set("me")
    assert await threads.run(ASKS.get) == "me"
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)


async def test_work_on_a_thread_can_wait_for_the_loop(threads: Threads) -> None:
    async def answer() -> threading.Thread:
        return threading.current_thread()

    assert await threads.run(lambda: wait_for(answer())) is threading.current_thread()


async def test_work_goes_on_when_whoever_asked_for_it_is_gone(threads: Threads) -> None:
    begun, may_end, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        may_end.wait(PATIENCE_S)
        ended.set()

    asking = asyncio.create_task(threads.run(work))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    may_end.set()
    await threads.run(lambda: None)  # the only thread is free again
    assert ended.is_set()


async def test_so_does_work_of_the_loop(threads: Threads) -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    asking = asyncio.create_task(threads.finish(work()))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    may_end.set()
    async with asyncio.timeout(PATIENCE_S):
        await ended.wait()
