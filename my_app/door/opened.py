"""The requests that are open: how many each key has, and their end when the key is taken away.

Whoever has a stream open showed a key when it began, and is asked for none again. So the keys are compared with the
open requests, again and again: they are in a file that several machines may share, where no event tells of a change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from devserver.users.keys import Keys, KeysUnreadable
from my_app.answers.errors import BEGUN

LOOK_EVERY_S: Final = 0.5

# In the place of a key's id.
WITHOUT_KEY: Final = ""  # there are no keys, so none is needed
BY_PROXY: Final = "by proxy"  # the user has no key; a trusted proxy has named him

LOG: Final = logging.getLogger(__name__)


@dataclass(eq=False)
class Opened:
    """One open request."""

    key_id: str
    user: str
    request: web.Request
    task: asyncio.Task[object] | None
    revoked: bool = False

    def revoke(self) -> None:
        """End the request: by an answer, or where one has begun already, by ending the connection."""
        if self.revoked:
            return
        self.revoked = True
        if BEGUN not in self.request and self.task is not None:
            self.task.cancel()
        elif self.request.transport is not None:
            self.request.transport.abort()


@dataclass
class OpenRequests:
    """All open requests that needed a key, or would need one now. On the loop only."""

    keys: Keys
    _all: set[Opened] = field(default_factory=set)

    @contextmanager
    def hold(self, key_id: str, user: str, request: web.Request) -> Iterator[Opened]:
        """Keep a request in mind while the block lasts."""
        one = Opened(key_id, user, request, asyncio.current_task())
        self._all.add(one)
        try:
            yield one
        finally:
            self._all.discard(one)

    def count(self, user: str) -> int:
        """Return how many requests of a user are open."""
        return sum(one.user == user for one in self._all)

    async def look(self) -> None:
        """End the requests whose key is there no longer, and those without one where keys are needed by now."""
        if not self._all:
            return
        try:
            there = {key.id for key in await asyncio.to_thread(lambda: self.keys.all)} or {WITHOUT_KEY}
            there.add(BY_PROXY)
        except (KeysUnreadable, OSError):
            LOG.exception("open requests end, because nobody knows whose keys are good")
            there = set()
        for one in [one for one in self._all if one.key_id not in there]:
            one.revoke()

    async def watch(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()
