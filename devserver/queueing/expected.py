"""When a run will be done: its own work, and all that is before it in the queues."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final

from devserver.clock import Clock
from devserver.durable.database import Database
from devserver.durable.journal import Place
from devserver.plan import Plan
from devserver.queueing.eta import AROUND, Durations, Guess, Range, Sum, size_of
from devserver.queueing.tickets import ALL, Ticket, Tickets, Work

STILL_TO_COME: Final = 0.1  # the share of a take's usual time that is left at least, however long it has run
FRESH_S: Final = 0.1  # as long as one look at the tickets is good for everybody who asks

Key = tuple[str, str, int]  # run, stage, take


@dataclass
class Coming:
    """An accepted run: for each of its takes that is not done the ways in which it may be made."""

    user_id: str
    priority: int
    left: dict[tuple[str, int], tuple[Work, ...]]
    has_asked: bool = False


class Line:
    """All tickets as they stood a moment ago, in their order, and for each the work until it is done."""

    def __init__(self, tickets: Sequence[Ticket], sums: dict[Key, Sum], paused: set[str]) -> None:
        self.tickets, self.sums, self.paused = {ticket.key: ticket for ticket in tickets}, sums, paused
        self._at: dict[str, list[Ticket]] = {}
        self._of_run: dict[str, list[Ticket]] = {}
        self._waiting: dict[str, list[Ticket]] = {}
        self._positions: dict[Key, int] = {}
        for ticket in tickets:
            self._at.setdefault(ticket.backend, []).append(ticket)
            self._of_run.setdefault(ticket.run_id, []).append(ticket)
            if not ticket.held:
                waiting = self._waiting.setdefault(ticket.backend, [])
                waiting.append(ticket)
                self._positions[ticket.key] = len(waiting)

    def at(self, backend: str) -> list[Ticket]:
        return self._at.get(backend, [])

    def held(self, backend: str) -> list[Ticket]:
        return [ticket for ticket in self.at(backend) if ticket.held]

    def waiting(self, backend: str) -> list[Ticket]:
        return self._waiting.get(backend, [])

    def position(self, ticket: Ticket) -> int:
        """1 is next, 0 has its turn."""
        return self._positions.get(ticket.key, 0)

    def of_run(self, run_id: str) -> list[Ticket]:
        return self._of_run.get(run_id, [])

    def is_paused(self, backend: str) -> bool:
        return bool({ALL, backend} & self.paused)


class Expected:
    """What is known of the time that runs will take. Every method may be called from any thread."""

    def __init__(self, tickets: Tickets, durations: Durations, clock: Clock) -> None:
        self.tickets, self.durations, self.clock = tickets, durations, clock
        self._coming: dict[str, Coming] = {}
        self._line: tuple[float, Line] | None = None
        self._lock = threading.Lock()

    @classmethod
    def over(cls, database: Database, clock: Clock) -> Expected:
        return cls(Tickets(database, clock), Durations(database, clock), clock)

    # What happens

    def accept(self, plan: Plan) -> None:
        """Take note of a run that was accepted."""
        left = {
            (stage.name, take + 1): tuple(
                Work(option.config, option.chunk.name, size_of(option.takes[take])) for option in stage.output.options
            )
            for stage in plan.stages
            if stage.output is not None
            for take in range(len(stage.output.options[0].takes))
        }
        self._coming[plan.run_id] = Coming(plan.user_id, plan.priority, left)

    def ask(self, place: Place) -> None:
        """A take of it has asked for a turn: from here on its ticket tells."""
        self.look_again()
        if place.run_id in self._coming:
            self._coming[place.run_id].has_asked = True

    def done(self, place: Place, work: Work | None, backend: str, granted_s: float) -> None:
        """A take gives its turn back; where it ended well, its time is learned."""
        self.look_again()
        seconds = self.durations.worked(backend, granted_s)
        well = self.durations.ended_well(place)
        if well and work is not None:
            self.durations.learn(place, work, backend, seconds)
        if well and place.run_id in self._coming:
            self._coming[place.run_id].left.pop((place.stage, place.take), None)

    def end(self, run_id: str, around_s: float | None) -> None:
        """A run has ended; `around_s` is what it took beside its takes, where it ended well."""
        self._coming.pop(run_id, None)
        if around_s is not None:
            self.durations.learn(Place(run_id, 0), AROUND, "", around_s)

    def look_again(self) -> None:
        """The tickets were changed."""
        self._line = None

    # What follows

    def line(self) -> Line:
        """The tickets of all backends in their order, and when each will be done."""
        with self._lock:
            now = self.clock.monotonic()
            if self._line is None or now - self._line[0] > FRESH_S:
                tickets = self.tickets.listed()
                sums: dict[Key, Sum] = {}
                for backend in dict.fromkeys(ticket.backend for ticket in tickets):
                    sums |= self._sums(backend, [ticket for ticket in tickets if ticket.backend == backend])
                self._forget_ended()
                self._line = (now, Line(tickets, sums, self.tickets.paused()))
            return self._line[1]

    def _forget_ended(self) -> None:
        """Runs that another process walked to their end are not told of here."""
        if self._coming:
            unfinished = self.durations.unfinished()
            for run_id in [run_id for run_id in list(self._coming) if run_id not in unfinished]:
                self._coming.pop(run_id, None)

    def _sums(self, backend: str, tickets: Sequence[Ticket]) -> dict[Key, Sum]:
        until, sums, guesses = Sum(), {}, dict[Work, Guess | None]()
        now, before = self.clock.now(), self.durations.ended_at.get(backend)
        order = sorted((t for t in tickets if t.held), key=lambda ticket: ticket.granted_at or "")
        for number, ticket in enumerate([*order, *(t for t in tickets if not t.held)]):
            if ticket.work not in guesses:  # in a long queue many are alike
                guesses[ticket.work] = self.durations.guess(ticket.work, backend)
            found, share = guesses[ticket.work], 1.0
            if found is not None and number == 0 and ticket.granted_at:
                begun_at = datetime.fromisoformat(ticket.granted_at)
                begun_at = max(begun_at, before) if before else begun_at
                spent_s = max(0.0, (now - begun_at).total_seconds())  # a clock may have been set back
                share = max(STILL_TO_COME, 1 - spent_s / found.seconds)
            until.add(found, share)
            sums[ticket.key] = until.copy()
        return sums

    def of_run(self, run_id: str) -> Range | None:
        """When a run will be done; None where a part of it, or of what is before it, is not known, or is paused."""
        line, coming = self.line(), self._coming.get(run_id)
        tickets = line.of_run(run_id)
        if any(line.is_paused(ticket.backend) and not ticket.held for ticket in tickets):
            return None
        sums = [line.sums[ticket.key] for ticket in tickets]
        if not tickets:
            sums = self._sums_before(run_id, coming, line) if coming and not coming.has_asked else []
        until = max(sums, key=lambda one: (not one.known, one.seconds), default=Sum()).copy()
        for stage_and_take, ways in (coming.left if coming else {}).items():
            if (run_id, *stage_and_take) not in line.tickets:
                self._add(until, ways)
        around = self.durations.guess(AROUND, "")
        if around is not None:
            until.add(around)
        return until.range() if tickets or coming else None

    def _add(self, until: Sum, ways: Sequence[Work], only_at: str | None = None) -> None:
        way = self.durations.usual_way(ways)
        if only_at is None or (way is not None and way[1] == only_at):
            until.add(self.durations.guess(*way) if way is not None else None)

    def _sums_before(self, run_id: str, coming: Coming, line: Line) -> list[Sum]:
        """For each backend that it will probably use, the work that is before it there."""
        ways = [self.durations.usual_way(ways) for ways in coming.left.values()]
        return [self._before(run_id, coming, line, backend) for backend in {way[1] for way in ways if way}]

    def _before(self, run_id: str, coming: Coming, line: Line, backend: str) -> Sum:
        if line.is_paused(backend):
            return Sum([None])
        tickets = line.at(backend)
        own = [t.round + 1 for t in tickets if (t.user_id, t.level) == (coming.user_id, coming.priority)]
        turn = max([0, *own, *[min((t.round for t in tickets if not t.held), default=0)]])
        place = (-coming.priority, turn)
        before = [ticket for ticket in tickets if ticket.held or ticket.place[:2] <= place]
        until = line.sums[before[-1].key].copy() if before else Sum()
        # Those that were accepted before it, and ask for a turn a moment before it.
        earlier = takewhile(lambda one: one[0] != run_id, list(self._coming.items()))
        for earlier_id, other in earlier:
            has_asked = other.has_asked or line.of_run(earlier_id)
            if not has_asked and other.priority >= coming.priority:
                for ways in other.left.values():
                    self._add(until, ways, only_at=backend)
        return until


def around(created_at: str, ended_at: str, takes: Sequence[tuple[str, str]]) -> float | None:
    """What a run took beside its takes, given when each of them began and ended; None where it had none."""
    if not takes:
        return None
    making = _seconds(min(begin for begin, _ in takes), max(end for _, end in takes))
    return max(0.0, _seconds(created_at, ended_at) - making)


def _seconds(begin_at: str, end_at: str) -> float:
    return (datetime.fromisoformat(end_at) - datetime.fromisoformat(begin_at)).total_seconds()
