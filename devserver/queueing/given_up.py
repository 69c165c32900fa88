"""Prompts that were given up without being seen to end: their backend fell silent, and may run them yet.

Each is a row until its backend has said that it has it no more. When the backend answers again they are withdrawn
before anything else is handed to it; one that does not stop fills a place there.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from devserver.backends.sources import Backend
from devserver.comfy.cancel import cancel
from devserver.comfy.errors import BackendError
from devserver.durable.database import Database
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone

WITHDRAWN_WITHIN_S: Final = 20.0
TRY_AGAIN_S: Final = 10.0  # there is no event for a node that looks for its interruption at last

log = logging.getLogger(__name__)


class GivenUp:
    """The table of prompts that were given up. On the loop, but for what takes a transaction."""

    def __init__(self, database: Database, backends: Callable[[], Sequence[Backend]]) -> None:
        self._db, self._backends = database, backends
        self._prompts: dict[str, set[str]] = defaultdict(set)
        self._withdrawing: dict[str, asyncio.Task[None]] = {}
        self._tried: set[str] = set()  # the backends whose prompts were tried to withdraw since they answer again
        # Called when a backend may be given something again.
        self.on_change: Callable[[], None] = lambda: None

    async def load(self) -> None:
        """Read what earlier servers have given up."""
        for row in await self._db.read(lambda tx: tx.rows("SELECT backend, prompt_id FROM given_up")):
            self._prompts[row["backend"]].add(row["prompt_id"])

    async def close(self) -> None:
        tasks = list(self._withdrawing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def write(self, tx: Transaction, backend: str, prompt_id: str) -> None:
        """Write down that a prompt was given up; `note` follows once that is committed."""
        sql = "INSERT INTO given_up (backend, prompt_id) VALUES ($1, $2) ON CONFLICT (backend, prompt_id) DO NOTHING"
        tx.execute(sql, (backend, prompt_id))

    def note(self, backend: str, prompt_id: str) -> None:
        """Take note of a prompt that was given up."""
        self._prompts[backend].add(prompt_id)
        self._tried.discard(backend)
        self.look()

    def count(self, backend: str) -> int:
        """Return how many places a backend's prompts fill that nobody waits for."""
        return len(self._prompts.get(backend, ()))

    def blocks(self, backend: str) -> bool:
        """Return True where a backend answers again and its prompts were not tried to withdraw yet."""
        return bool(self._prompts.get(backend)) and backend not in self._tried

    def look(self) -> None:
        """Withdraw the prompts of the backends that answer."""
        for backend in self._backends():
            name = backend.name
            if not backend.up:
                self._tried.discard(name)
            elif self._prompts.get(name) and name not in self._withdrawing:
                task = asyncio.get_running_loop().create_task(self._withdraw(backend))
                self._withdrawing[name] = task
                task.add_done_callback(partial(self._ended, name))

    def _ended(self, name: str, _task: asyncio.Task[None]) -> None:
        self._withdrawing.pop(name, None)

    async def _withdraw(self, backend: Backend) -> None:
        name = backend.name
        while self._prompts.get(name) and backend.up:
            for prompt_id in sorted(self._prompts[name]):
                try:
                    done = await cancel(backend.client, prompt_id, WITHDRAWN_WITHIN_S)
                    await self._db.write(partial(self._forget, name, prompt_id))
                except (BackendError, DatabaseGone) as e:
                    log.warning("the prompt %s is not withdrawn from %s yet: %s", prompt_id, name, e)
                    continue
                log.info("the prompt %s, given up before, is gone from %s (%s)", prompt_id, name, ", ".join(done.did))
                self._prompts[name].discard(prompt_id)
            self._tried.add(name)
            self.on_change()
            if self._prompts[name]:
                await asyncio.sleep(TRY_AGAIN_S)

    def _forget(self, backend: str, prompt_id: str, tx: Transaction) -> None:
        tx.execute("DELETE FROM given_up WHERE backend = $1 AND prompt_id = $2", (backend, prompt_id))
