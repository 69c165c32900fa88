"""Readiness: checks, when asked, that a run accepted now would be made; else gives the reasons."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from devserver.backends.pool import Backend, Pool
from devserver.comfy.probe import probe
from devserver.durable.database import Database
from devserver.durable.patience import patience
from devserver.errors import DatabaseGone
from devserver.errors.disk import JournalGone
from devserver.files.exports import Exports
from devserver.model.server import ReadyState
from devserver.system.clock import Clock

FRESH_S: Final = 0.5  # as long as one look is good for everybody who asks
DISK_LIMIT_S: Final = 2.0
DATABASE_LIMIT_S: Final = 2.0
ANSWER_S: Final = 2.5
ROOM_BYTES: Final = 1 << 20  # with less than this nothing that a run makes can be kept
NO_BACKEND: Final = "no backend answers"


class Readiness:
    """Looks at the exports folder and at every backend.

    A backend that is down is no problem while another one answers: runs go there. One that answers, but whose prompt
    worker is dead or whose socket is deaf, is one, since it takes runs and nothing is heard of them.
    """

    def __init__(
        self,
        exports: Exports,
        pool: Pool,
        clock: Clock,
        *,
        database: Database,
        started: Callable[[], bool],
        others: Callable[[ReadyState], Awaitable[ReadyState]] | None = None,
    ) -> None:
        """`others` adds what other processes say, from the database."""
        self._exports, self._pool, self._clock, self._started = exports, pool, clock, started
        self._database, self._others = database, others
        self._asking: asyncio.Task[ReadyState] | None = None
        self._looking: asyncio.Task[ReadyState] | None = None
        self._looked_at = float("-inf")
        self._looked_started = False

    async def ask(self) -> ReadyState:
        """Return a finding within `ANSWER_S`, whatever the database does."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(self._asking)  # of all who ask meanwhile, one waits for the database
        except TimeoutError:
            problem = self._database.silence() or "the server is busy: nothing that makes runs has answered for a while"
            return ReadyState(ready=False, problems=[problem], backends=self._pool.describe())

    async def _ask(self) -> ReadyState:
        found = await self._newest()
        return await self._others(found) if self._others else found

    async def _newest(self) -> ReadyState:
        """Return the newest finding since the start, or a new one; concurrent callers share it."""
        looking, started = self._looking, self._started()
        old = self._clock.monotonic() - self._looked_at >= FRESH_S or self._looked_started is not started
        if looking is None or (looking.done() and old):
            looking = self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(looking)

    async def _look(self) -> ReadyState:
        self._looked_started = self._started()
        problems = [] if self._looked_started else ["the server is starting or stopping"]
        asked = [backend for backend in self._pool.backends if backend.up or backend.stalled]
        asking = asyncio.gather(*(self._backend(backend) for backend in asked))
        disk, journal, told = await asyncio.gather(self._disk(), self._journal(), asking)
        if not any(answers for answers, _ in told):
            problems.append(NO_BACKEND)
        problems += [problem for _, problem in told if problem]
        problems += [problem for problem in (disk, journal) if problem]
        self._looked_at = self._clock.monotonic()
        return ReadyState(ready=not problems, problems=problems, backends=self._pool.describe())

    async def _backend(self, backend: Backend) -> tuple[bool, str]:
        """Return True where a backend answers, and its problem where it has one."""
        dead = f"the prompt worker of {backend.name} is dead: prompts wait there and none runs; restart that backend"
        if backend.stalled:
            return False, dead
        pulse = await probe(backend.follower)
        if not pulse.answers:
            backend.suspect.set()
            return False, ""
        if not pulse.worker_alive:
            return True, dead
        if not pulse.socket_alive:
            backend.follower.reconnect()
            return True, f"the event socket of {backend.name} is deaf; it is opened again"
        return True, ""

    async def _journal(self) -> str:
        try:
            with patience(DATABASE_LIMIT_S):
                await self._database.write(lambda _tx: None)  # nothing, but in its turn
        except DatabaseGone as e:
            return self._database.silence() or str(e)
        return ""

    async def _disk(self) -> str:
        try:
            async with asyncio.timeout(DISK_LIMIT_S):
                for folder in (self._exports.root, self._exports.state):
                    await asyncio.to_thread(try_to_write, folder)
                await asyncio.to_thread(self._database.check_there)
        except TimeoutError:
            return f"{self._exports.root} does not answer"
        except JournalGone as e:
            return f"the journal {e.filename} is gone: {e.hint}"
        except OSError as e:
            return f"{self._exports.root} cannot be written: {e.strerror}"
        return ""


def try_to_write(folder: Path) -> None:
    """Make a file in a folder, with room for something, and delete it: permissions alone tell root nothing.

    Raises:
        OSError: it cannot be done.
    """
    handle, name = tempfile.mkstemp(prefix=".ready-", dir=folder)
    try:
        os.posix_fallocate(handle, 0, ROOM_BYTES)
    except OSError as e:
        if e.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
    finally:
        os.close(handle)
        Path(name).unlink(missing_ok=True)
