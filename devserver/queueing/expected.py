"""The expected end of a run: its own work, and all that is before it in the queues."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final

from devserver.durable.sql import Transaction
from devserver.model.plan import MediaStage, Plan
from devserver.model.rows import Place
from devserver.queueing.deciding import Decider
from devserver.queueing.eta import AROUND, Guess, size_of, total
from devserver.queueing.placing import Reckoned
from devserver.queueing.tickets import ALL, Key, Ticket, Work
from devserver.system.clock import Clock
from schemas.values import RecordedValue

STILL_TO_COME: Final = 0.1  # the share of a take's usual time that is left at least, however long it has run
FRESH_S: Final = 0.1  # as long as one look at the tickets is good for everybody who asks
RECKONED_EXACTLY: Final = 200  # of those that wait; those behind them by the pace of these
RECKONED_AGAIN_S: Final = 1.0  # where more wait


@dataclass
class Coming:
    """An accepted run: for each of its takes that is not done the ways in which it may be made."""

    run_id: str
    user_id: str
    priority: int
    left: dict[tuple[str, int], tuple[Work, ...]]
    has_asked: bool = False


class Line:
    """All tickets as they stood a moment ago, in their order, and for each where and when it is expected to be done."""

    def __init__(self, tickets: Sequence[Ticket], reckoned: Mapping[Key, Reckoned], paused: set[str]) -> None:
        self.tickets, self.reckoned, self.paused = {ticket.key: ticket for ticket in tickets}, reckoned, paused
        self.waiting = [ticket for ticket in tickets if not ticket.held]
        self._held, self._of_run = (defaultdict[str, list[Ticket]](list) for _ in range(2))
        self._expected_at = defaultdict[str, list[Ticket]](list)
        self._positions: dict[Key, int] = {}
        for ticket in tickets:
            self._of_run[ticket.run_id].append(ticket)
            if ticket.held:
                self._held[ticket.backend].append(ticket)
            else:
                self._expected_at[self.backend(ticket)].append(ticket)
                self._positions[ticket.key] = len(self._positions) + 1

    def held(self, backend: str) -> list[Ticket]:
        return self._held.get(backend, [])

    def expected_at(self, backend: str) -> list[Ticket]:
        """Return those that wait and are expected to go to this backend; '' for those of which nobody can say."""
        return self._expected_at.get(backend, [])

    def backend(self, ticket: Ticket) -> str:
        """Return the backend that has a ticket or is expected to have it, '' where nobody can say."""
        return ticket.backend or self.reckoned.get(ticket.key, Reckoned()).backend

    def backends(self) -> list[str]:
        """Return the backends that have tickets, or are expected to."""
        return list(dict.fromkeys(name for ticket in self.tickets.values() if (name := self.backend(ticket))))

    def position(self, ticket: Ticket) -> int:
        """1 is next, 0 has its turn."""
        return self._positions.get(ticket.key, 0)

    def of_run(self, run_id: str) -> list[Ticket]:
        return self._of_run.get(run_id, [])

    def is_paused(self, backend: str) -> bool:
        return bool({ALL, backend} & self.paused)

    def is_stalled(self, ticket: Ticket) -> bool:
        """Return True for a ticket that waits while all is paused, or every backend that could make it."""
        return not ticket.held and self.is_paused(self.backend(ticket))

    def eta(self, ticket: Ticket) -> Guess | None:
        """Return the expected end of a ticket's work; None where something before it is unknown or the queue paused."""
        return None if self.is_stalled(ticket) else self.reckoned.get(ticket.key, Reckoned()).until


class Expected:
    """Estimates the times of runs. Every method may be called from any thread."""

    def __init__(self, decider: Decider, clock: Clock) -> None:
        self.decider, self.clock = decider, clock
        self.tickets, self.durations = decider.tickets, decider.fleet.durations
        self._coming: dict[str, Coming] = {}
        self._line: tuple[float, Line] | None = None
        self._reckoned: tuple[float, dict[Key, Reckoned]] = (float("-inf"), {})
        self._lock = threading.Lock()

    # What happens

    def accept(self, plan: Plan) -> None:
        """Take note of a run that was accepted."""
        left = {
            (stage.name, take): ways_of(stage, take)
            for stage in plan.media
            for take in range(1, len(stage.output.options[0].takes) + 1)
        }
        self._coming[plan.run_id] = Coming(plan.run_id, plan.user_id, plan.priority, left)

    def add(self, place: Place, ways: tuple[Work, ...]) -> None:
        """Take note of a take that was added to a run."""
        if place.run_id in self._coming:
            self._coming[place.run_id].left.setdefault((place.stage, place.take), ways)

    def ask(self, place: Place) -> None:
        """A take of it has asked for a turn: from here on its ticket tells."""
        self.read_again()
        if place.run_id in self._coming:
            self._coming[place.run_id].has_asked = True

    def note_given_back(self, place: Place, well: bool) -> None:
        """Take note that a take has given its turn back, and what `learn` has written is committed."""
        if well and place.run_id in self._coming:
            self._coming[place.run_id].left.pop((place.stage, place.take), None)
        self.durations.read_again()
        self.read_again()

    def end(self, run_id: str) -> None:
        """Take note that a run has ended."""
        self._coming.pop(run_id, None)
        self.durations.read_again()
        self.read_again()

    def learn_around(self, tx: Transaction, run_id: str, seconds: float) -> None:
        """Write down what a run that ended well took beside its takes."""
        self.durations.learn(tx, Place(run_id, 0), AROUND, "", seconds, loaded=True)

    def read_again(self) -> None:
        """The tickets were changed."""
        self._line = None

    # What follows

    def line(self, tx: Transaction) -> Line:
        """Return all tickets in their order, and where and when each will be done."""
        with self._lock:
            now = self.clock.monotonic()
            if self._line is None or now - self._line[0] > FRESH_S:
                self.durations.read(tx)
                tickets = self.tickets.listed(tx)
                self._forget_ended(tx)
                self._line = (now, Line(tickets, self._reckon(tx, tickets), self.tickets.paused(tx)))
            return self._line[1]

    def _reckon(self, tx: Transaction, tickets: Sequence[Ticket]) -> dict[Key, Reckoned]:
        """Reckon every ticket; a long queue once a second at most."""
        reckoned = self._of_held(tickets)
        waiting = [ticket for ticket in tickets if not ticket.held]
        now_s = self.clock.monotonic()
        if len(waiting) > RECKONED_EXACTLY and now_s - self._reckoned[0] < RECKONED_AGAIN_S:
            return {**self._reckoned[1], **reckoned}
        reckoned |= self._of_waiting(tx, waiting)
        self._reckoned = now_s, reckoned
        return reckoned

    def _of_waiting(self, tx: Transaction, waiting: Sequence[Ticket]) -> dict[Key, Reckoned]:
        exact, later = waiting[:RECKONED_EXACTLY], waiting[RECKONED_EXACTLY:]
        reckoned = self.decider.reckon(tx, exact).reckoned if exact else {}
        ends = [one.until for ticket in exact if (one := reckoned[ticket.key]).until is not None]
        if not later or len(ends) < len(exact):
            return reckoned
        last = max(ends, key=lambda until: until.usual)
        for behind, ticket in enumerate(later, 1):
            share = 1 + behind / len(exact)
            backend = reckoned[exact[behind % len(exact)].key].backend
            reckoned[ticket.key] = Reckoned(backend, last.times(share))
        return reckoned

    def _of_held(self, tickets: Sequence[Ticket]) -> dict[Key, Reckoned]:
        """Reckon the end of what the backends have."""
        reckoned: dict[Key, Reckoned] = {}
        before: dict[str, Guess | None] = {}
        for ticket in sorted((one for one in tickets if one.held), key=lambda one: one.granted_at or ""):
            own = self.durations.guess(ticket.work, ticket.backend)
            if ticket.backend not in before:
                worked_s = self.decider.fleet.worked_s(ticket)
                own = own and own.times(max(STILL_TO_COME, 1 - worked_s / own.usual))
                until = own
            else:
                until = total([before[ticket.backend], own])
            before[ticket.backend] = until
            reckoned[ticket.key] = Reckoned(ticket.backend, until)
        return reckoned

    def _forget_ended(self, tx: Transaction) -> None:
        """Forget the runs that another process walked to their end."""
        if self._coming:
            unfinished = self.durations.unfinished(tx)
            for run_id in set(self._coming) - unfinished:
                self._coming.pop(run_id, None)

    def of_run(self, tx: Transaction, run_id: str) -> Guess | None:
        """Return the expected end of a run; None where a part of it, or of what is before it, is unknown or paused."""
        line, coming = self.line(tx), self._coming.get(run_id)
        tickets = line.of_run(run_id)
        if any(map(line.is_stalled, tickets)) or not (tickets or coming):
            return None
        before = [line.eta(ticket) for ticket in tickets]
        alone: list[Guess | None] = []
        if coming is not None:
            still_to_make = list(coming.left.items())  # the loop changes it meanwhile
            if not tickets and not coming.has_asked:
                backends = {self.durations.usual(ways)[0] for _, ways in still_to_make} - {""}
                before = [self._before(coming, line, backend) for backend in backends]
            left = [ways for key, ways in still_to_make if (run_id, *key) not in line.tickets]
            alone = [self.durations.usual(ways)[1] for ways in left]
        if before:
            alone.append(max(before, key=lambda one: (one is None, one.usual if one else 0)))
        around = self.durations.guess(AROUND, "")
        until = total(alone if around is None else [*alone, around])
        return until if until is not None and until.usual else None

    def _before(self, coming: Coming, line: Line, backend: str) -> Guess | None:
        """The work at a backend that is before a run which has not asked for its turn yet."""
        if line.is_paused(backend):
            return None
        own = [t.round + 1 for t in line.waiting if (t.user_id, t.level) == (coming.user_id, coming.priority)]
        turn = max([*own, min((t.round for t in line.waiting), default=0)])
        waiting = [t for t in line.expected_at(backend) if t.place[:2] <= (-coming.priority, turn)]
        until = [line.eta(ticket) for ticket in [*line.held(backend), *waiting][-1:]]
        # Those that were accepted before it, and ask for a turn a moment before it.
        for other in takewhile(lambda other: other is not coming, list(self._coming.values())):
            if other.priority >= coming.priority and not other.has_asked and not line.of_run(other.run_id):
                until += [guess for at, guess in map(self.durations.usual, list(other.left.values())) if at == backend]
        return total(until)


def ways_of(stage: MediaStage, take: int, changes: Mapping[str, RecordedValue] | None = None) -> tuple[Work, ...]:
    """Return the ways in which a take may be made."""
    return tuple(
        Work(option.config, option.chunk.name, size_of(option.values_of(take, changes)))
        for option in stage.output.options
    )


def around(created_at: str, ended_at: str, takes: Sequence[tuple[str, str]]) -> float | None:
    """Return the seconds of a run beside its takes, by their starts and ends; None where it had no take."""
    if not takes:
        return None
    making = _seconds(min(begin for begin, _ in takes), max(end for _, end in takes))
    return max(0.0, _seconds(created_at, ended_at) - making)


def _seconds(begin_at: str, end_at: str) -> float:
    return (datetime.fromisoformat(end_at) - datetime.fromisoformat(begin_at)).total_seconds()
