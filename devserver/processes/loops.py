"""An event loop on a thread of its own, and calls from one loop to another."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Final, Self, TypeVar

ENDED_WITHIN_S: Final = 1.0

Result = TypeVar("Result")


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that this runs on; None where there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def on_loop(loop: asyncio.AbstractEventLoop | None, work: Coroutine[None, None, Result]) -> Result:
    """Have work done on the loop that its objects belong to, and wait for it on this one; None is this one."""
    if loop is None or loop is asyncio.get_running_loop():
        return await work
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


class LoopThread:
    """An event loop that runs on a thread of its own for as long as the `with` block lasts.

    Work on it goes on while the loop of the main thread waits for a database.
    """

    def __init__(self, name: str) -> None:
        self._begun = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name=name, daemon=True)

    async def _live(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._begun.set()
        await self._end.wait()

    async def do(self, work: Coroutine[None, None, Result]) -> Result:
        """Have work done on this loop."""
        return await on_loop(self._loop, work)

    def __enter__(self) -> Self:
        self._thread.start()
        self._begun.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(ENDED_WITHIN_S)
