"""The threads of the views: Flask's, and those on which native views do what takes the processor long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

CLOSED_WITHIN_S: Final = 1.0

Given = ParamSpec("Given")
Result = TypeVar("Result")


LOOP: ContextVar[asyncio.AbstractEventLoop] = ContextVar("loop")


def wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    """Wait on a view's thread for what the loop does, with the patience of the view's request."""
    return asyncio.run_coroutine_threadsafe(work, LOOP.get()).result()


class Threads:
    """At most `count` pieces of work at once. None waits for a run: more would only fight the loop for the GIL."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="view")
        self._unfinished = set[asyncio.Task[Any]]()

    async def run(self, work: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        """Run a function on a thread. It runs to its end even if the caller is cancelled: nothing stops half-way."""
        context = copy_context()
        context.run(LOOP.set, asyncio.get_running_loop())
        done = self._pool.submit(partial(context.run, work, *args, **kwargs))
        return await asyncio.shield(asyncio.wrap_future(done))

    async def finish(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Await work of the loop that runs to its end even if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait until everything has returned, for a while: what waits for a database may never."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN_S):
                await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
