"""Who walks which run. On one machine: this process, every run that is not finished, each in a task of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable

from devserver.journal import Journal

log = logging.getLogger(__name__)


class Dispatcher:
    """Starts a walk for every accepted run, and again for those that a stop left unfinished.

    `submit` and `cancel` may be called from any thread; the journal is written first, so nothing is lost between.
    """

    def __init__(self, journal: Journal, walk: Callable[[str, asyncio.Event], Awaitable[None]]) -> None:
        self._journal, self._walk = journal, walk
        self._walks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    async def start(self) -> None:
        """Adopt what an earlier server left unfinished."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        unfinished = self._journal.unfinished()
        if unfinished:
            log.info("taking up %d unfinished runs", len(unfinished))
        for run_id in unfinished:
            self._start(run_id)

    async def stop(self) -> None:
        """Stop walking. The runs stay unfinished in the journal, and a clean stop is not held against them."""
        self._loop = None
        tasks = [task for task, _ in self._walks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._journal.forgive_starts()

    def write(self, change: Callable[[], None]) -> None:
        """Make a change of the journal on the loop, where the walks make theirs, and wait for it.

        Writes of many threads would hold each other up for longer than they take.
        """
        if self._loop is None or threading.get_ident() == self._thread:
            change()
            return

        async def on_the_loop() -> None:
            change()

        asyncio.run_coroutine_threadsafe(on_the_loop(), self._loop).result()

    def submit(self, run_id: str) -> None:
        """Walk a run that was just accepted."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._start, run_id)

    def cancel(self, run_id: str) -> bool:
        """Ask a run to stop; False when it had ended already."""
        asked = self._journal.ask_cancel(run_id)
        if asked and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, run_id)
        return asked

    @property
    def walking(self) -> int:
        return len(self._walks)

    def _wake(self, run_id: str) -> None:
        if run_id in self._walks:
            self._walks[run_id][1].set()

    def _start(self, run_id: str) -> None:
        row = self._journal.run(run_id)
        if row is None or row.ended or run_id in self._walks:
            return
        cancelled = asyncio.Event()
        if row.cancel:
            cancelled.set()
        task = asyncio.ensure_future(self._walk(run_id, cancelled))
        self._walks[run_id] = (task, cancelled)
        task.add_done_callback(lambda done: self._done(run_id, done))

    def _done(self, run_id: str, task: asyncio.Future[None]) -> None:
        self._walks.pop(run_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the walk of %s broke off; a restart takes it up again", run_id, exc_info=error)
