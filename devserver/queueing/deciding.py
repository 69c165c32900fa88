"""Deciding within a transaction: what waits and what is held is read, placed, and written down."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from devserver.durable.sql import Transaction
from devserver.model.plan import read_plan
from devserver.queueing.demand import Choice, Demand
from devserver.queueing.fleet import Fleet, Seen
from devserver.queueing.placing import USUAL, Limits, Placing, Waiting, place_takes
from devserver.queueing.seats import Offer
from devserver.queueing.tickets import ALL, Key, Ticket, Tickets

LOOKED_AT: Final = 50  # tickets that a decision reads
DEMANDS_KEPT: Final = 200
SLIPPED_S: Final = 1.0  # put off by less, the time that a take waits for has not slipped


@dataclass(frozen=True)
class Decided:
    """The takes that have a turn now.

    Attributes:
        bound: how many of them have got it by this decision.
        unmet: the demands which no backend that is up meets.
        some_accept: some backend is up.
        look_again_s: seconds after which something may change by itself.
    """

    held: Sequence[Ticket]
    placing: Placing = field(default_factory=Placing)
    unmet: Collection[str] = ()
    some_accept: bool = True
    look_again_s: float = math.inf

    @property
    def changes(self) -> bool:
        return bool(self.placing.bound)


@dataclass
class _Wait:
    """A take that waits for a faster place: since when, for when, and how often that was put off."""

    since_s: float
    until_s: float
    slips: int = 0


class Decider:
    """Decides which take goes to which backend.

    Args:
        owner: this process, where several share the database: its own backends make only what it walks.
    """

    def __init__(self, tickets: Tickets, fleet: Fleet, owner: str = "", limits: Limits = USUAL) -> None:
        self.tickets, self.fleet, self._owner, self._limits = tickets, fleet, owner, limits
        self._clock = fleet.clock
        self._demands: dict[str, Demand] = {}
        self._waits: dict[Key, _Wait] = {}

    def know(self, demand: Demand) -> None:
        """Take note of a demand: somebody waits with it."""
        self._demands.setdefault(demand.digest, demand)

    def competing(self, demand: Demand, seen: Seen) -> list[str]:
        """Return the demands that some backend meets which meets this one too."""
        own = {one.backend.name for one in self.fleet.choices(demand, seen)}
        return [
            digest
            for digest, other in self._demands.items()
            if digest == demand.digest or own & {one.backend.name for one in self.fleet.choices(other, seen)}
        ]

    def choice_of(self, demand: Demand, ticket: Ticket) -> Choice | None:
        """Return the choice that a ticket was bound with; None where its backend is not known here any more."""
        backend = next((one for one in self.fleet.see().backends if one.name == ticket.backend), None)
        return self.fleet.choice(demand, backend, ticket.work.variant) if backend is not None else None

    def look(self, tx: Transaction, seen: Seen) -> Decided:
        """Decide, and write nothing yet."""
        self._read_demands(tx)
        return self._decide(tx, seen)

    def decide(self, tx: Transaction, seen: Seen) -> Decided:
        """Decide, and bind those that have their turn now."""
        if self._owner:  # another process may be deciding too
            self.tickets.take_queue(tx)
        decided = self._decide(tx, seen)
        if not decided.changes:
            return decided
        for one in decided.placing.bound:
            self.tickets.bind(tx, one.key, one.backend, one.variant, one.why)
        self.tickets.note_passed(tx, decided.placing.passed)
        return replace(decided, held=self.tickets.held(tx))

    def _decide(self, tx: Transaction, seen: Seen) -> Decided:
        self.fleet.durations.read(tx)
        held = self.tickets.held(tx)
        choices = {digest: self.fleet.choices(one, seen) for digest, one in list(self._demands.items())}
        unmet = {digest for digest, found in choices.items() if not found}
        places = self.fleet.places(held, seen, self.tickets.paused(tx))
        with_room = {one.name for one in places if one.accepts and one.held < one.running + one.ready}
        usable = [digest for digest, found in choices.items() if with_room & {one.backend.name for one in found}]
        waiting = self.tickets.first(tx, usable, LOOKED_AT, owners=bool(self._owner)) if usable else []
        if not waiting:
            return Decided(held, Placing(), unmet, bool(seen.accepting), self.fleet.breakers.again_in_s())
        placing = place_takes(self._offered(waiting, choices), places, self._limits, reckon_all=False)
        again_s = min(placing.look_again_s, self.fleet.breakers.again_in_s())
        return Decided(held, placing, unmet, bool(seen.accepting), again_s)

    def _offered(self, waiting: Sequence[Ticket], choices: Mapping[str, Sequence[Choice]]) -> list[Waiting]:
        """Return tickets as they are placed, with what each is offered: takes that are alike are offered the same."""
        offers: dict[tuple[str, float, bool, frozenset[str]], Sequence[Offer]] = {}
        made = []
        for ticket in waiting:
            foreign = bool(self._owner) and ticket.owner != self._owner  # another process walks it
            alike = ticket.demand, ticket.work.size, foreign, ticket.failed_at
            if alike not in offers:
                own = choices.get(ticket.demand, ())
                reached = [one for one in own if not (foreign and one.backend.address.kind == "embedded")]
                offers[alike] = self.fleet.offers(self._sound(reached, ticket), ticket.work)
            made.append(self._waiting(ticket, offers[alike]))
        return made

    def _sound(self, choices: Sequence[Choice], ticket: Ticket) -> Sequence[Choice]:
        """Leave out where this take has failed, and what is under suspicion for its output, as long as others can."""
        others = [one for one in choices if one.backend.name not in ticket.failed_at] or choices
        refuses = self.fleet.breakers.refuses
        return [one for one in others if not refuses(one.backend.name, one.option.config)] or others

    def _waiting(self, ticket: Ticket, offers: Sequence[Offer]) -> Waiting:
        wait, now_s = self._waits.get(ticket.key), self._clock.monotonic()
        passed_s = 0.0
        if ticket.passed_at is not None:
            passed_s = (self._clock.now() - datetime.fromisoformat(ticket.passed_at)).total_seconds()
        return Waiting(
            ticket.key,
            ticket.user_id,
            ticket.level,
            ticket.round,
            offers,
            moved=ticket.moved,
            passed=ticket.passed,
            passed_s=passed_s,
            slips=wait.slips if wait else 0,
            waits_s=now_s - wait.since_s if wait else 0.0,
        )

    def forget(self, key: Key) -> None:
        """Forget what a take waited for: it waits no longer. On the loop."""
        self._waits.pop(key, None)

    def note(self, decided: Decided) -> None:
        """Note who waits for a faster place, and whether the time of that has slipped. On the loop."""
        now_s = self._clock.monotonic()
        for key, reckoned in decided.placing.reckoned.items():
            if not reckoned.waits_for_faster or reckoned.until is None:
                self._waits.pop(key, None)
                continue
            until_s = now_s + reckoned.until.usual
            wait = self._waits.setdefault(key, _Wait(now_s, until_s))
            wait.slips += until_s > wait.until_s + SLIPPED_S
            wait.until_s = until_s
        for one in decided.placing.bound:
            self._waits.pop(one.key, None)

    # Demands of those that nobody walks here

    def _read_demands(self, tx: Transaction) -> None:
        """Learn the demands of the tickets that others have written, or an earlier server."""
        wanted = self.tickets.demands(tx)
        for digest, run_id, stage, config in wanted:
            if digest not in self._demands and (demand := _demand_of(tx, run_id, stage, config)) is not None:
                self._demands[digest] = demand
        if len(self._demands) > DEMANDS_KEPT:
            self._demands = {digest: self._demands[digest] for digest, *_ in wanted if digest in self._demands}

    def may(self, demands: Collection[str]) -> dict[str, list[str]]:
        """Return the names of the backends that can meet each of these demands now."""
        seen, known = self.fleet.see(), self._demands
        met = {one: self.fleet.choices(known[one], seen) for one in demands if one in known}
        return {one: [choice.backend.name for choice in met.get(one, ())] for one in demands}

    def reckon(self, tx: Transaction, waiting: Sequence[Ticket]) -> Placing:
        """Reckon where those that wait will go, and when each is done, as a decision now would have it."""
        seen = self.fleet.see()
        # Where everything is paused, they will go where they would without that.
        paused = self.tickets.paused(tx) - {ALL}
        places = self.fleet.places(self.tickets.held(tx), seen, paused)
        known = {digest: self.fleet.choices(one, seen) for digest, one in list(self._demands.items())}
        return place_takes(self._offered(waiting, known), places, self._limits)

    def adopt(self, tx: Transaction) -> None:
        """Give the tickets of a server that knew no demands theirs."""
        for ticket in self.tickets.listed(tx):
            if not ticket.demand and not ticket.held:
                demand = _demand_of(tx, ticket.run_id, ticket.stage, ticket.work.config)
                if demand is not None:
                    self.tickets.note_demand(tx, ticket.key, demand.digest)


def _demand_of(tx: Transaction, run_id: str, stage: str, config: str) -> Demand | None:
    """Return the demand of a take that waits, from the plan of its run."""
    rows = tx.rows("SELECT plan FROM runs WHERE run_id = $1", run_id)
    if not rows:
        return None
    plan = read_plan(rows[0]["plan"])
    for one in plan.media:
        if one.name == stage:
            options = [option for option in one.output.options if option.config == config]
            return Demand.of(plan, one.output, options or one.output.options)
    return None
