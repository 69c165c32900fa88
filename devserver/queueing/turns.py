"""Turns: a take waits for all backends together, in the order of the tickets, and holds its turn at one of them."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from devserver.durable.database import Database
from devserver.durable.ledger import Ledger
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from devserver.model.rows import Place
from devserver.queueing.breakers import Breakers
from devserver.queueing.deciding import Decided, Decider
from devserver.queueing.demand import Choice, Demand
from devserver.queueing.expected import Expected
from devserver.queueing.fleet import Fleet, Seen
from devserver.queueing.given_up import GivenUp
from devserver.queueing.tickets import Key, Work

ANNOUNCED_AFTER_S: Final = 0.2  # changes of the queue within this time are one event
DECIDE_AGAIN_S: Final = 1.0  # after the database gave no answer

log = logging.getLogger(__name__)


class NoTurn(Exception):
    """No backend that is up can make the take any more: it keeps its place, and waits or falls back."""


@dataclass(frozen=True)
class Asking:
    """A request for a turn: its user, its priority, the size of the work, the backends at which it failed before."""

    user_id: str = "local"
    priority: int = 0
    size: float = 1.0
    failed_at: frozenset[str] = frozenset()


@dataclass
class Turn:
    """A take that waits for its turn, or has it.

    Attributes:
        choice: the backend that it has its turn at, and the option that is made there; None while it waits.
        why: the code of the sentence that says why it is that one.
        begins_loaded: whether the backend had its models loaded.
        seconds: set by the holder, how long its prompt ran, where that says how long such a prompt takes.
        ended_well: set by the holder, what was made with it has been taken in.
        ends: no further attempt of the take follows; an error that leaves the block is its end.
    """

    demand: Demand
    choice: Choice | None = None
    why: str = ""
    begins_loaded: bool = False
    seconds: float | None = None
    ended_well: bool = False
    ends: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bound(self) -> Choice:
        if self.choice is None:
            raise LookupError("its turn has not come")
        return self.choice


class Turns:
    """Grants takes their turns at the backends. On the loop.

    Args:
        expected: learns which takes ask for a turn, and how long they have it.
        decider: decides which take goes where.
    """

    def __init__(self, database: Database, expected: Expected, decider: Decider) -> None:
        self._db, self._expected, self._decider = database, expected, decider
        self.fleet: Fleet = decider.fleet
        self.breakers: Breakers = decider.fleet.breakers
        self.given_up: GivenUp = decider.fleet.given_up
        self.given_up.on_change = self.grant_turns
        self._tickets = expected.tickets
        self.closing = False  # set before the walks are stopped, so that they keep their places in the queue
        self._turns: dict[Key, Turn] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._granting: asyncio.Task[None] | None = None
        self._grant_again = False
        self._looking_again: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._told: asyncio.Task[None] | None = None
        # Called when something in a queue has changed, told together.
        self.on_queue: Callable[[], Awaitable[None]] | None = None
        # Called with the runs that have a turn and the demands that no backend meets, when either may have changed.
        self.on_turns: Callable[[set[str], Collection[str]], None] = lambda _runs, _unmet: None

    async def close(self) -> None:
        await self.given_up.close()
        for timer in (self._telling, self._looking_again):
            if timer is not None:
                timer.cancel()
        tasks = [task for task in (self._granting, self._told) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def choices(self, demand: Demand) -> list[Choice]:
        """Return what each backend that answers now would make of a demand."""
        return self.fleet.choices(demand, self.fleet.see())

    @asynccontextmanager
    async def take(
        self, ledger: Ledger, place: Place, demand: Demand, asking: Asking = Asking(), *, stays: Choice | None = None
    ) -> AsyncIterator[Turn]:
        """Wait for a turn and hold it. The order is the journal's, so it survives a restart.

        The turn is given back in one commit with the end of what was made, where that ended well; an attempt that ended
        otherwise leaves the take its place in the queue, unless it was the last one.

        `stays`: something of it is at this backend already, so that it has its turn there even where that is down.

        Raises:
            NoTurn: no backend that is up can make it. Its place is kept until it asks again.
        """
        key = (place.run_id, place.stage, place.take)
        kept = False
        turn = self._turns[key] = Turn(demand, stays)
        self._decider.know(demand)
        try:
            seen, waiting = self.fleet.see(), dict(self._turns)
            decided = await ledger.write(lambda writing: self._ask_for(place, turn, asking, seen, writing.tx))
            self._give_turns(decided, waiting)
            self._expected.ask(place)
            if turn.choice is None:
                self.grant_turns()
            await self._wait_for(turn)
            turn.begins_loaded = self.fleet.has_loaded(turn.bound)
            self.fleet.note_used(turn.bound)
            yield turn
            turn.ends = turn.ended_well
        except NoTurn:
            kept = True
            raise
        finally:
            self._turns.pop(key, None)
            self.fleet.fractions.pop(key, None)
            self._decider.forget(key)
            if not self.closing and not kept:
                await self._leave(ledger, place, turn, asking)

    async def _wait_for(self, turn: Turn) -> None:
        while turn.choice is None:
            if not self.choices(turn.demand):
                raise NoTurn(f"no backend that is up can make {turn.demand.options[0].config}")
            turn.changed.clear()
            await turn.changed.wait()

    async def start(self) -> None:
        """Take over what an earlier server has left: tickets, and prompts that it has given up."""
        await self._db.write(self._decider.adopt)
        await self.given_up.load()
        self.given_up.look()

    def give_up(self, ledger: Ledger, backend: str, prompt_id: str) -> None:
        """Write down, with what is written next, that a prompt was given up and may live."""
        ledger.later(
            lambda writing: self.given_up.write(writing.tx, backend, prompt_id),
            lambda _: self.given_up.note(backend, prompt_id),
        )

    async def _leave(self, ledger: Ledger, place: Place, turn: Turn, asking: Asking) -> None:
        """Give a turn back, and decide who has the next one."""
        if turn.choice is not None:
            self._expected.durations.note_ended(turn.choice.backend.name)
            self.fleet.note_idle(turn.choice.backend.name)
        learned = self._learned(turn, asking)
        ends = turn.ended_well or turn.ends
        done = partial(self._gave_back, place, turn.ended_well)
        seen = self.fleet.see()
        ledger.later(lambda writing: self._give_back(place, learned, seen, writing.tx, ends=ends), done)
        if not turn.ended_well:
            await ledger.flush()

    def _learned(self, turn: Turn, asking: Asking) -> tuple[Work, str, float, bool] | None:
        """Return what a turn that ended well says about the next ones of its kind."""
        if not turn.ended_well or turn.choice is None or turn.seconds is None:
            return None
        config, variant = turn.choice.option.key
        return Work(config, variant, asking.size), turn.choice.backend.name, turn.seconds, turn.begins_loaded

    def note_progress(self, place: Place, fraction: float) -> None:
        """Note how far the prompt of a take has come: the next one is handed over before it ends."""
        self.fleet.fractions[place.run_id, place.stage, place.take] = fraction

    async def leave(self, place: Place) -> None:
        """Take a take that failed for good out of the queue."""
        seen = self.fleet.see()
        decided, turns = await self._db.write(lambda tx: self._give_back(place, None, seen, tx, ends=True))
        self._give_turns(decided, turns)

    async def give_back_ended(self, place: Place) -> None:
        """Give back what a run still holds for attempts that have ended: its server died before it could."""
        if await self._db.write(lambda tx: self._tickets.give_back_ended(tx, place)):
            self.grant_turns()

    def _ask_for(self, place: Place, turn: Turn, asking: Asking, seen: Seen, tx: Transaction) -> Decided:
        """Ask for a turn, and take it where there is one; return the takes that hold one now."""
        demand, option = turn.demand, (turn.choice.option if turn.choice else turn.demand.options[0])
        self._tickets.ask(
            tx,
            place,
            asking.priority,
            user_id=asking.user_id,
            demand=demand.digest,
            competing=self._decider.competing(demand, seen),
            work=Work(*option.key, asking.size),
            held_at=turn.choice.backend.name if turn.choice else "",
            failed_at=sorted(asking.failed_at),
        )
        return self._decider.decide(tx, seen)

    def _give_back(
        self, place: Place, learned: tuple[Work, str, float, bool] | None, seen: Seen, tx: Transaction, *, ends: bool
    ) -> tuple[Decided, Mapping[Key, Turn]]:
        """Give a turn back and learn from it; let the next takes have theirs."""
        if learned is not None:
            work, backend, seconds, loaded = learned
            self._expected.durations.learn(tx, place, work, backend, seconds, loaded=loaded)
        if ends:
            self._tickets.give_back(tx, place)
        else:
            self._tickets.rest(tx, place)
        return self._decider.decide(tx, seen), dict(self._turns)

    def _gave_back(self, place: Place, well: bool, granted: tuple[Decided, Mapping[Key, Turn]]) -> None:
        self._expected.note_given_back(place, well)
        self._give_turns(*granted)

    def grant_turns(self) -> None:
        """Let the next takes go on wherever there is room, and wake those whom no backend can serve. On the loop."""
        self._loop = asyncio.get_running_loop()
        self.given_up.look()
        self._grant_again = True
        if self._granting is None or self._granting.done():
            self._granting = self._loop.create_task(self._grant(), context=Context())  # nobody's request

    async def _grant(self) -> None:
        while self._grant_again:
            self._grant_again = False
            waiting = dict(self._turns)  # one that comes meanwhile may be another attempt of a take that had its turn
            seen = self.fleet.see()
            try:
                decided = await self._db.read(lambda tx: self._decider.look(tx, seen))  # noqa: B023 - awaited at once
                if decided.changes:
                    decided = await self._db.write(lambda tx: self._decider.decide(tx, seen))  # noqa: B023
            except DatabaseGone as e:
                log.warning("nobody gets a turn: %s", e)
                await asyncio.sleep(DECIDE_AGAIN_S)
                self._grant_again = True
                continue
            self._give_turns(decided, waiting)
            for turn in waiting.values():
                if turn.choice is None and turn.demand.digest in decided.unmet:
                    turn.changed.set()

    def _give_turns(self, decided: Decided, waiting: Mapping[Key, Turn]) -> None:
        """Let those of the waiting go on whose ticket has its turn."""
        for ticket in decided.held:
            turn = waiting.get(ticket.key)
            if turn is not None and turn.choice is None:
                turn.choice = self._decider.choice_of(turn.demand, ticket)
                if turn.choice is not None:
                    turn.why = ticket.why
                    turn.changed.set()
        unmet = decided.unmet if decided.some_accept else ()
        self.on_turns({ticket.run_id for ticket in decided.held}, unmet)
        self._decider.note(decided)
        self._look_again_in(decided.look_again_s)
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(ANNOUNCED_AFTER_S, self._tell_queue)

    def note_queue(self, backend: str) -> None:
        """A backend's queue has changed: where others had prompts there, its place may be free. On the loop."""
        if backend in self.fleet.with_strangers:
            self.grant_turns()

    def _look_again_in(self, seconds: float) -> None:
        if self._looking_again is not None:
            self._looking_again.cancel()
            self._looking_again = None
        if math.isfinite(seconds) and not self.closing:
            self._looking_again = asyncio.get_running_loop().call_later(seconds, self.grant_turns)

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
