"""Dispatching runs: each is walked by a task of its own, in the process that has claimed it.

Where one process has the database for itself it walks every run that is not finished. Where several share it, each
looks for runs that nobody walks: when it is told of one, when a walk of its own has ended, and every now and then.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Final

from devserver.durable.journal import Journal
from devserver.errors import DatabaseGone
from devserver.errors.disk import JournalFault, disk_trouble
from devserver.queueing.asleep import Asleep

# A busy worker waits this long for each run that it walks, so that an idle one claims a new run first.
HANDICAP_S: Final = 0.002
MOST_HANDICAP_S: Final = 0.02
MOST_WALKS: Final = 10_000  # where there is no limit
# A walk that breaks off (the journal's disk is full, say) is taken up again after this, then after twice as long.
FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0

log = logging.getLogger(__name__)


class Dispatcher:
    """Starts a walk for every accepted run, and again for those that a stop left unfinished.

    `wake`, `stop_walk` and `lose` may be called from any thread, the rest belongs to the loop.

    Args:
        walks_at_once: how many runs this process walks at most; None: all there are, 0: none, it only accepts them.
    """

    def __init__(
        self,
        journal: Journal,
        walk: Callable[[str, asyncio.Event], Awaitable[None]],
        walks_at_once: int | None = None,
    ) -> None:
        self._journal, self._walk, self._limit = journal, walk, walks_at_once
        self._walks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pauses: dict[str, float] = {}
        self._looking: asyncio.Task[None] | None = None
        self._look_again = False
        self.asleep = Asleep(self._begin)
        self._beginning: deque[str] = deque()
        self._beginner: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is not finished: everything, where nobody else can be walking it.

        What only waits for its turn is left asleep: with thousands of runs that makes the start quick.
        """
        self._loop = asyncio.get_running_loop()
        if self._journal.leases.shared:
            self._look()
            return
        await self.asleep.fill(self._journal.database)
        unfinished = await self._journal.read(lambda reading: reading.unfinished())
        if unfinished:
            log.info("taking up %d unfinished runs, %d of them wait for their turn", len(unfinished), len(self.asleep))
        for run_id in unfinished:
            if run_id not in self.asleep:
                self._begin(run_id)

    async def stop(self) -> None:
        """Stop walking. The runs stay unfinished in the journal, and a clean stop is not held against them."""
        self._loop = None
        await self._forgive()  # before anything that may take long, in case somebody loses patience meanwhile
        tasks = [task for task, _ in self._walks.values()]
        tasks += [task for task in (self._looking, self._beginner) if task is not None]
        self.asleep.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._forgive()
        try:
            await self._journal.leases.release()
        except (DatabaseGone, JournalFault) as e:
            log.warning("the runs that were walked here are taken up later: %s", e)

    async def _forgive(self) -> None:
        try:
            await self._journal.stops.forgive()
        except (DatabaseGone, JournalFault) as e:  # it is away, or its disk is full
            log.warning("this stop counts for the runs that were at work: %s", e)

    def submit(self, run_id: str) -> None:
        """Walk a run that was just accepted; processes that share the database were notified by the commit."""
        if not self._journal.leases.shared and self._loop is not None:
            self._start(run_id)

    async def cancel(self, run_id: str) -> bool:
        """Ask a run to stop, whoever walks it; False when it had ended already."""
        asked = await self._journal.write(lambda writing: writing.ask_cancel(run_id))
        if asked:
            self.stop_walk(run_id)
        return asked

    def stop_walk(self, run_id: str) -> None:
        """Cancel the walk of a run on request. Where the run is not walked here, nothing happens."""
        self._call(self._wake, run_id)

    def lose(self, run_id: str) -> None:
        """Stop the walk of a run that another process has taken over, without a trace."""
        self._call(self._leave, run_id)

    def wake(self) -> None:
        """Look for runs that nobody walks."""
        self._call(self._look)

    @property
    def walking(self) -> int:
        """The number of unfinished runs of this process, sleeping ones included."""
        return len(self._walks) + len(self.asleep) + len(self._beginning)

    def _call(self, function: Callable[..., None], *args: str) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function, *args)

    def _wake(self, run_id: str) -> None:
        if run_id in self._walks:
            self._walks[run_id][1].set()
        self.asleep.wake(run_id)

    def _leave(self, run_id: str) -> None:
        walk, _ = self._walks.get(run_id, (None, None))
        if walk is not None and not walk.cancelling():  # each heartbeat says it until the walk has ended
            log.warning("%s is walked by another worker now; this walk stops", run_id)
            walk.cancel()

    def _look(self) -> None:
        self._look_again = True
        if self._loop is not None and self._limit != 0 and (self._looking is None or self._looking.done()):
            self._looking = asyncio.ensure_future(self._take_up())

    async def _take_up(self) -> None:
        """Claim runs that nobody walks, as long as there are some and there is room."""
        while self._look_again:
            self._look_again = False
            room = self._room()
            if room <= 0:
                return
            try:
                found = await self._journal.leases.claimable(room + len(self._walks))
                for run_id in found:
                    await asyncio.sleep(min(MOST_HANDICAP_S, HANDICAP_S * len(self._walks)))
                    if self._room() > 0:
                        self._start(run_id)
            except DatabaseGone as e:
                log.warning("no new runs are taken up: %s", e)

    def _begin(self, run_id: str) -> None:
        """Start a walk soon, one after another, so that the loop stays free where many come at once."""
        self._beginning.append(run_id)
        if self._beginner is None or self._beginner.done():
            self._beginner = asyncio.ensure_future(self._begin_all())

    async def _begin_all(self) -> None:
        while self._beginning:
            self._start(self._beginning.popleft())
            await asyncio.sleep(0)

    def _room(self) -> int:
        return MOST_WALKS - len(self._walks) if self._limit is None else self._limit - len(self._walks)

    def _start(self, run_id: str) -> None:
        if run_id in self._walks:
            return
        cancelled = asyncio.Event()
        walk = self._walk_apart(run_id, cancelled)
        task = asyncio.get_running_loop().create_task(walk, context=Context())
        self._walks[run_id] = (task, cancelled)
        task.add_done_callback(lambda done: self._done(run_id, done))

    async def _walk_apart(self, run_id: str, cancelled: asyncio.Event) -> None:
        """Walk without anything of the request that the run came with: it has another patience."""
        await self._walk(run_id, cancelled)

    def _done(self, run_id: str, task: asyncio.Future[None]) -> None:
        self._walks.pop(run_id, None)
        self._journal.leases.held.pop(run_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            if (trouble := disk_trouble(error)) is not None:
                log.warning("the walk of %s broke off and will be taken up again: %s", run_id, trouble.message)
            else:
                log.error("the walk of %s broke off; it will be taken up again", run_id, exc_info=error)
            self._again(run_id)
        else:
            self._pauses.pop(run_id, None)
        if self._journal.leases.shared:
            self._look()

    def _again(self, run_id: str) -> None:
        """Take a run up again that nobody else will: where others walk too, they find it by its lease."""
        pause_s = self._pauses[run_id] = min(2 * self._pauses.get(run_id, FIRST_PAUSE_S / 2), LONGEST_PAUSE_S)
        if self._loop is not None and not self._journal.leases.shared:
            self._loop.call_later(pause_s, self._start, run_id)
