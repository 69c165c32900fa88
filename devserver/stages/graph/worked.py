"""Counting the working time of a take: while a server walked it and it had its turn at a backend."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from devserver.model.rows import Place
from devserver.stages.walk import Walk

KEPT_EVERY_S: Final = 10.0  # a kill loses no more of the count than this

log = logging.getLogger(__name__)


class Worked:
    """Counts on from `seconds` by the monotonic clock, and keeps the count in the take's row.

    Neither a server that is off nor a clock that is set makes a take older.
    """

    def __init__(self, walk: Walk, place: Place, seconds: float) -> None:
        self._clock, self._journal, self._place = walk.tools.clock, walk.tools.journal, place
        self._seconds = seconds
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        now_s = 0.0 if self._since is None else self._clock.monotonic() - self._since
        return self._seconds + now_s

    @asynccontextmanager
    async def within(self, limit_s: float) -> AsyncIterator[None]:
        """Count while the take is worked on.

        Raises:
            TimeoutError: the limit is reached, earlier servers' work counted in.
        """
        self._since = self._clock.monotonic()
        keeping = asyncio.create_task(self._keep_counting())
        try:
            async with asyncio.timeout(max(0.0, limit_s - self._seconds)):
                yield
        except BaseException:  # a server that stops, say: the next one counts on
            await self._keep()
            raise
        finally:
            self._seconds, self._since = self.seconds, None
            keeping.cancel()

    async def _keep_counting(self) -> None:
        while True:
            await asyncio.sleep(KEPT_EVERY_S)
            await self._keep()

    async def _keep(self) -> None:
        try:
            seconds = self.seconds
            await self._journal.write(lambda writing: writing.keep_worked(self._place, seconds))
        except Exception as e:  # noqa: BLE001 - another has the run, or it cannot be written now: the walk says so itself
            log.debug("%s: its time is not kept: %s", self._place.run_id, e)
