"""Records of ended runs that the disk did not take: they are tried again until it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

PAUSE_S: Final = 5.0  # nobody tells that a disk has room again


class LateRecords:
    """Written one after another, as soon as the disk takes them. On the loop.

    Args:
        write: writes the record of a run as the journal has it.
    """

    def __init__(self, write: Callable[[str], Awaitable[None]], pause_s: float = PAUSE_S) -> None:
        self._write, self._pause_s = write, pause_s
        self._run_ids: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, run_id: str) -> None:
        self._run_ids.add(run_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._catch_up())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _catch_up(self) -> None:
        while self._run_ids:
            await asyncio.sleep(self._pause_s)
            for run_id in sorted(self._run_ids):
                with suppress(OSError):
                    await self._write(run_id)
                    self._run_ids.discard(run_id)
