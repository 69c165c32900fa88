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
from devserver.queueing.eta import AROUND, Durations, Guess, size_of, total
from devserver.queueing.tickets import ALL, Key, Ticket, Tickets, Work
from devserver.system.clock import Clock
from schemas.values import RecordedValue

STILL_TO_COME: Final = 0.1  # the share of a take's usual time that is left at least, however long it has run
FRESH_S: Final = 0.1  # as long as one look at the tickets is good for everybody who asks


@dataclass
class Coming:
    """An accepted run: for each of its takes that is not done the ways in which it may be made."""

    run_id: str
    user_id: str
    priority: int
    left: dict[tuple[str, int], tuple[Work, ...]]
    has_asked: bool = False


class Line:
    """All tickets as they stood a moment ago, in their order, and for each how long it takes until it is done."""

    def __init__(self, tickets: Sequence[Ticket], until: Mapping[Key, Guess | None], paused: set[str]) -> None:
        self.tickets, self.until, self.paused = {ticket.key: ticket for ticket in tickets}, until, paused
        self._held, self._waiting, self._of_run = (defaultdict[str, list[Ticket]](list) for _ in range(3))
        self._positions: dict[Key, int] = {}
        for ticket in tickets:
            self._of_run[ticket.run_id].append(ticket)
            (self._held if ticket.held else self._waiting)[ticket.backend].append(ticket)
            self._positions[ticket.key] = 0 if ticket.held else len(self._waiting[ticket.backend])

    def held(self, backend: str) -> list[Ticket]:
        return self._held.get(backend, [])

    def waiting(self, backend: str) -> list[Ticket]:
        return self._waiting.get(backend, [])

    def at(self, backend: str) -> list[Ticket]:
        return [*self.held(backend), *self.waiting(backend)]

    def position(self, ticket: Ticket) -> int:
        """1 is next, 0 has its turn."""
        return self._positions[ticket.key]

    def of_run(self, run_id: str) -> list[Ticket]:
        return self._of_run.get(run_id, [])

    def is_paused(self, backend: str) -> bool:
        return bool({ALL, backend} & self.paused)

    def is_stalled(self, ticket: Ticket) -> bool:
        """Return True for a ticket that waits at a paused queue."""
        return not ticket.held and self.is_paused(ticket.backend)

    def eta(self, ticket: Ticket) -> Guess | None:
        """Return the expected end of a ticket's work; None where something before it is unknown or the queue paused."""
        return None if self.is_stalled(ticket) else self.until[ticket.key]


class Expected:
    """Estimates the times of runs. Every method may be called from any thread."""

    def __init__(self, tickets: Tickets, durations: Durations, clock: Clock) -> None:
        self.tickets, self.durations, self.clock = tickets, durations, clock
        self._coming: dict[str, Coming] = {}
        self._line: tuple[float, Line] | None = None
        self._lock = threading.Lock()

    @classmethod
    def by(cls, clock: Clock) -> Expected:
        return cls(Tickets(clock), Durations(clock), clock)

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

    def learn(self, tx: Transaction, place: Place, work: Work | None, backend: str, seconds: float) -> None:
        """Write down how long a take that ended well had the turn that it gives back."""
        if work is not None:
            self.durations.learn(tx, place, work, backend, seconds)

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
        self.durations.learn(tx, Place(run_id, 0), AROUND, "", seconds)

    def read_again(self) -> None:
        """The tickets were changed."""
        self._line = None

    # What follows

    def line(self, tx: Transaction) -> Line:
        """The tickets of all backends in their order, and when each will be done."""
        with self._lock:
            now = self.clock.monotonic()
            if self._line is None or now - self._line[0] > FRESH_S:
                self.durations.read(tx)
                tickets = self.tickets.listed(tx)
                until: dict[Key, Guess | None] = {}
                for backend in {ticket.backend for ticket in tickets}:
                    until |= self._until([ticket for ticket in tickets if ticket.backend == backend])
                self._forget_ended(tx)
                self._line = (now, Line(tickets, until, self.tickets.paused(tx)))
            return self._line[1]

    def _forget_ended(self, tx: Transaction) -> None:
        """Forget the runs that another process walked to their end."""
        if self._coming:
            unfinished = self.durations.unfinished(tx)
            for run_id in set(self._coming) - unfinished:
                self._coming.pop(run_id, None)

    def _until(self, tickets: Sequence[Ticket]) -> dict[Key, Guess | None]:
        """For each ticket of one backend the work of all up to it."""
        until: dict[Key, Guess | None] = {}
        guesses: dict[Work, Guess | None] = {}  # in a long queue many are alike
        before: list[Guess | None] = []
        for ticket in sorted(tickets, key=lambda ticket: (not ticket.held, (ticket.held and ticket.granted_at) or "")):
            if ticket.work not in guesses:
                guesses[ticket.work] = self.durations.guess(ticket.work, ticket.backend)
            own = guesses[ticket.work]
            if own is not None and not before:
                own = own.times(max(STILL_TO_COME, 1 - self._worked_s(ticket) / own.usual))
            until[ticket.key] = total([*before, own])
            before = [until[ticket.key]]
        return until

    def _worked_s(self, ticket: Ticket) -> float:
        """Return the seconds spent on the first ticket of a backend; 0 where a clock was set back."""
        if ticket.granted_at is None:
            return 0.0
        begun_at = datetime.fromisoformat(ticket.granted_at)
        begun_at = max(begun_at, self.durations.ended_at.get(ticket.backend, begun_at))
        return max(0.0, (self.clock.now() - begun_at).total_seconds())

    def of_run(self, tx: Transaction, run_id: str) -> Guess | None:
        """Return the expected end of a run; None where a part of it, or of what is before it, is unknown or paused."""
        line, coming = self.line(tx), self._coming.get(run_id)
        tickets = line.of_run(run_id)
        if any(map(line.is_stalled, tickets)) or not (tickets or coming):
            return None
        before = [line.until[ticket.key] for ticket in tickets]
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
        """The work at a backend that is before a run which has not asked for its turn there yet."""
        if line.is_paused(backend):
            return None
        waiting = line.waiting(backend)
        own = [t.round + 1 for t in line.at(backend) if (t.user_id, t.level) == (coming.user_id, coming.priority)]
        turn = max([*own, min((t.round for t in waiting), default=0)])
        ahead = [*line.held(backend), *(t for t in waiting if t.place[:2] <= (-coming.priority, turn))]
        until = [line.until[ticket.key] for ticket in ahead[-1:]]
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
