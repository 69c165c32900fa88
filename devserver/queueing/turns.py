"""Turns: a take waits for its place at a backend, in the order of the table of tickets, and holds it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from devserver.backends.sources import Backend
from devserver.durable.database import Database
from devserver.durable.ledger import Ledger
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from devserver.model.rows import Place
from devserver.queueing.expected import Expected
from devserver.queueing.tickets import Key, Work

PROMPTS_AT_ONCE: Final = 2  # one running, one ready
ANNOUNCED_AFTER_S: Final = 0.2  # changes of the queue within this time are one event
GRANT_AGAIN_S: Final = 1.0  # after the database gave no answer

Held = list[tuple[str, Key]]  # the takes that hold a turn, each with its backend

log = logging.getLogger(__name__)


class NoTurn(Exception):
    """The backend went down while a take waited there for its turn; it keeps its place, and may go elsewhere."""


@dataclass(frozen=True)
class Asking:
    """A request for a turn: its user, its priority and the work."""

    user_id: str = "local"
    priority: int = 0
    work: Work | None = None


@dataclass
class Turn:
    """A take that waits for its turn at a backend, or has it."""

    backend: Backend
    has_come: bool = False
    ended_well: bool = False  # set by the holder: what was made with it has been taken in
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Turns:
    """Grants takes their turns at the backends. On the loop.

    Args:
        expected: learns which takes ask for a turn, and how long they have it.
        backends: lists those that are known now.
    """

    def __init__(self, database: Database, expected: Expected, backends: Callable[[], Sequence[Backend]]) -> None:
        self._db, self._expected, self._backends = database, expected, backends
        self._tickets = expected.tickets
        self.closing = False  # set before the walks are stopped, so that they keep their places in the queue
        self._turns: dict[Key, Turn] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._granting: asyncio.Task[None] | None = None
        self._grant_again = False
        self._telling: asyncio.TimerHandle | None = None
        self._told: asyncio.Task[None] | None = None
        # Called when something in a queue has changed, told together.
        self.on_queue: Callable[[], Awaitable[None]] | None = None
        # Called with the runs that have a turn, and the backends that are up, whenever either may have changed.
        self.on_turns: Callable[[set[str], set[str]], None] = lambda _runs, _up: None

    async def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        tasks = [task for task in (self._granting, self._told) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def take(
        self, ledger: Ledger, place: Place, backend: Backend, asking: Asking = Asking(), *, stays: bool = False
    ) -> AsyncIterator[Turn]:
        """Wait for a turn at a backend and hold it. The order is the journal's, so it survives a restart.

        The turn is given back in one commit with the end of what was made, where that ended well.

        `stays`: something of it is at the backend already, so that it has a turn even where that is down.

        Raises:
            NoTurn: the backend went down meanwhile. The place there is kept until it asks at another one.
        """
        key = (place.run_id, place.stage, place.take)
        kept, granted_s = False, self._expected.clock.monotonic()
        turn = self._turns[key] = Turn(backend, has_come=stays)
        try:
            held = await ledger.write(lambda writing: self._ask_for(place, turn, asking, writing.tx))
            self._give_turns(held, {key: turn})
            self._expected.ask(place)
            if not turn.has_come:
                self.grant_turns()
            while not turn.has_come:
                if not backend.up:
                    kept = True
                    raise NoTurn(f"{backend.name} is down: {backend.problem}")
                turn.changed.clear()
                await turn.changed.wait()
            granted_s = self._expected.clock.monotonic()
            yield turn
        finally:
            self._turns.pop(key, None)
            if not self.closing and not kept:
                seconds = self._expected.durations.worked(backend.name, granted_s) if turn.has_come else 0.0
                # How long one that stays had been there before is not known here.
                learned = (asking.work, backend.name, seconds) if turn.ended_well and not stays else None
                at_once, done = self._at_once(), partial(self._gave_back, place, turn.ended_well)
                ledger.later(lambda writing: self._give_back(place, learned, at_once, writing.tx), done)
                if not turn.ended_well:
                    await ledger.flush()

    async def give_back_ended(self, place: Place) -> None:
        """Give back what a run still holds for attempts that have ended: its server died before it could."""
        if await self._db.write(lambda tx: self._tickets.give_back_ended(tx, place)):
            self.grant_turns()

    def _ask_for(self, place: Place, turn: Turn, asking: Asking, tx: Transaction) -> Held:
        """Ask for a turn, and take it where there is room; return the takes that hold one now."""
        name = turn.backend.name
        user_id, work, held = asking.user_id, asking.work, turn.has_come
        self._tickets.ask(tx, place, name, asking.priority, user_id=user_id, work=work, held=held)
        return self._grant_at(tx, {name: PROMPTS_AT_ONCE if turn.backend.up else 0})

    def _give_back(
        self, place: Place, learned: tuple[Work | None, str, float] | None, at_once: Mapping[str, int], tx: Transaction
    ) -> tuple[Held, Mapping[Key, Turn]]:
        """Give a ticket back and learn from its turn; let the next takes have theirs."""
        if learned is not None:
            self._expected.learn(tx, place, *learned)
        self._tickets.give_back(tx, place)
        return self._grant_at(tx, at_once), dict(self._turns)

    def _gave_back(self, place: Place, well: bool, granted: tuple[Held, Mapping[Key, Turn]]) -> None:
        self._expected.note_given_back(place, well)
        self._give_turns(*granted)

    def _at_once(self) -> dict[str, int]:
        """Return how many takes may have a turn at each backend now."""
        return {backend.name: PROMPTS_AT_ONCE if backend.up else 0 for backend in self._backends()}

    def _grant_at(self, tx: Transaction, at_once: Mapping[str, int]) -> Held:
        for name in sorted(self._tickets.to_grant(tx, at_once)):  # in one order, so that no two processes block
            self._tickets.grant(tx, name, at_once[name])
        return self._tickets.held(tx)

    def grant_turns(self) -> None:
        """Let the next takes go on wherever there is room, and wake those whose backend is down. On the loop."""
        self._loop = asyncio.get_running_loop()
        self._grant_again = True
        if self._granting is None or self._granting.done():
            self._granting = self._loop.create_task(self._grant(), context=Context())  # nobody's request
        for turn in self._turns.values():
            if not turn.backend.up:
                turn.changed.set()

    async def _grant(self) -> None:
        while self._grant_again:
            self._grant_again = False
            waiting = dict(self._turns)  # one that comes meanwhile may be another attempt of a take that had its turn
            at_once = self._at_once()
            try:
                free, held = await self._db.read(partial(self._look_at_tickets, at_once))
                if free:
                    held = await self._db.write(lambda tx: self._grant_at(tx, at_once))  # noqa: B023 - awaited at once
            except DatabaseGone as e:
                log.warning("nobody gets a turn: %s", e)
                await asyncio.sleep(GRANT_AGAIN_S)
                self._grant_again = True
                continue
            self._give_turns(held, waiting)

    def _look_at_tickets(self, at_once: Mapping[str, int], tx: Transaction) -> tuple[list[str], Held]:
        return self._tickets.to_grant(tx, at_once), self._tickets.held(tx)

    def _give_turns(self, held: Held, waiting: Mapping[Key, Turn]) -> None:
        """Let those of the waiting go on whose ticket has its turn."""
        known = {backend.name: backend for backend in self._backends()}
        for name, key in held:
            if key in waiting and waiting[key].backend is known.get(name):
                waiting[key].has_come = True
                waiting[key].changed.set()
        self.on_turns({key[0] for _, key in held}, {backend.name for backend in self._backends() if backend.up})
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(ANNOUNCED_AFTER_S, self._tell_queue)

    def ended(self, run_id: str, *, left_places: bool) -> None:
        """A run has ended, and may have left places in a queue. On the loop."""
        self._expected.end(run_id)
        if left_places:
            self.grant_turns()

    def wake(self) -> None:
        """The table of tickets was changed: look at it soon. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.grant_turns)

    def _tell_queue(self) -> None:
        self._telling = None
        if not self.closing and self.on_queue is not None:
            self._told = asyncio.create_task(self._tell_queue_now(self.on_queue))

    async def _tell_queue_now(self, tell: Callable[[], Awaitable[None]]) -> None:
        try:
            await tell()
        except DatabaseGone as e:
            log.warning("the queue is not told: %s", e)
