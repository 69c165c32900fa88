"""The fleet: the backends as a decision about places sees them, and what each offers to a take."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from devserver.backends.sources import Backend, reachable
from devserver.queueing.breakers import Breakers
from devserver.queueing.demand import Choice, Demand, Fits
from devserver.queueing.eta import Durations, Guess, total
from devserver.queueing.given_up import GivenUp
from devserver.queueing.seats import Offer, Place
from devserver.queueing.tickets import ALL, Ticket, Work
from devserver.system.clock import Clock

TOLD_ENOUGH: Final = 0.5  # of a prompt that has come so far, the time that it took tells how long it will take
CHANGING: Final = ("vram_free", "torch_vram_free", "torch_vram_total")  # of a device, from moment to moment
IDLE: Final = Guess(0.0, 0.0, 0.0, 30)


@dataclass(frozen=True)
class Seen:
    """The backends at one moment, and how far the prompts of ours there have come, as the loop saw them.

    Args:
        lengths: how many prompts each backend has, whoever sent them; of those that tell it.
        fractions: how far the running takes have come, 0..1, by their keys.
        accepting: the names of those that are up.
    """

    backends: tuple[Backend, ...] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)
    fractions: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    accepting: frozenset[str] = frozenset()

    def allowed(self, demand: Demand) -> list[Backend]:
        return reachable(self.backends, demand.execution_mode, demand.backends)


class Fleet:
    """Knows which backend can make what, for how long, and what each has loaded. `see` is for the loop."""

    def __init__(
        self, durations: Durations, clock: Clock, backends: Callable[[], Sequence[Backend]], given_up: GivenUp
    ) -> None:
        self.given_up = given_up
        self.durations, self.clock, self._backends = durations, clock, backends
        self._fits, self.breakers = Fits(), Breakers(clock)
        self._loaded: dict[str, tuple[frozenset[str], int]] = {}  # with the backend's connection of that time
        self._idle_since_s: dict[str, float] = defaultdict(clock.monotonic)
        self.with_strangers: set[str] = set()  # the backends that had prompts of others at the last look
        self.fractions: dict[tuple[str, str, int], float] = {}

    def see(self) -> Seen:
        """Return the backends as they are now."""
        backends = tuple(self._backends())
        lengths = {one.name: one.follower.queue_report.length or 0 for one in backends if one.follower.connected}
        accepting = frozenset(one.name for one in backends if one.up)
        self.durations.devices = {one.name: _device_of(one) for one in backends}
        return Seen(backends, lengths, dict(self.fractions), accepting)

    # What fits

    def choices(self, demand: Demand, seen: Seen) -> list[Choice]:
        """Return a choice for each backend that answers and can make it."""
        return self._fits.choices(demand, seen.allowed(demand))

    def choice(self, demand: Demand, backend: Backend, variant: str = "") -> Choice | None:
        """Return the choice of one backend; of its variants the named one where it fits."""
        named = [option for option in demand.options if option.chunk.name == variant]
        exact = replace(demand, options=tuple(named)) if named else demand
        return self._fits.choice(exact, backend) or self._fits.choice(demand, backend)

    def offers(self, choices: Sequence[Choice], work: Work) -> list[Offer]:
        """Return what each choice offers to a take of this work."""
        made = []
        for choice in choices:
            config, variant = choice.option.key
            there, name = Work(config, variant, work.size), choice.backend.name
            guess, load_s = self.durations.guess(there, name), self.durations.load_s(there, name)
            made.append(Offer(name, variant, guess, choice.files, load_s=load_s))
        return made

    # What each is doing

    def places(self, held: Sequence[Ticket], seen: Seen, paused: Collection[str]) -> list[Place]:
        """Return the places of the backends that are known, with what they have now."""
        cards: dict[str, list[Ticket]] = defaultdict(list)
        card_of = {one.name: one.address.use.shares or f"={one.name}" for one in seen.backends}
        for ticket in held:
            cards[card_of.get(ticket.backend, "")].append(ticket)
        now_s, made, with_strangers = self.clock.monotonic(), list[Place](), set[str]()
        for backend in seen.backends:
            name, use = backend.name, backend.address.use
            own = [ticket for ticket in held if ticket.backend == name]
            given_up = self.given_up.count(name)
            strangers = max(0, seen.lengths.get(name, 0) - len(own) - given_up)
            if strangers:
                with_strangers.add(name)
            made.append(
                Place(
                    name,
                    card=card_of[name],
                    held=len(cards[card_of[name]]) + given_up,
                    left=None if given_up else self._left(cards[card_of[name]], seen),
                    strangers=strangers,
                    idle_s=now_s - self._idle_since_s[name],
                    loaded=None if strangers else self.loaded(backend),
                    running=use.running,
                    ready=0 if self.breakers.is_watched(name) else use.ready,
                    accepts=not {ALL, name} & set(paused) and self._is_sound(name, seen),
                )
            )
        self.with_strangers = with_strangers
        return made

    def _is_sound(self, name: str, seen: Seen) -> bool:
        """Return whether a backend is up, not put aside, and rid of what was given up there."""
        return name in seen.accepting and self.breakers.accepts(name) and not self.given_up.blocks(name)

    def _left(self, held: Sequence[Ticket], seen: Seen) -> Guess | None:
        """Return how long until a backend has done what it has of ours."""
        lefts: list[Guess | None] = []
        for ticket in sorted(held, key=lambda one: one.granted_at or ""):
            own = self.durations.guess(ticket.work, ticket.backend)
            lefts.append(own if lefts or own is None else self._rest(own, ticket, seen))
        return total(lefts) if lefts else IDLE

    def _rest(self, own: Guess, ticket: Ticket, seen: Seen) -> Guess:
        """Return what is left of the running take, by its progress where it tells one, else by what is usual."""
        worked_s = self.worked_s(ticket)
        fraction = seen.fractions.get(ticket.key, 0.0)
        usual = own.usual
        if fraction >= TOLD_ENOUGH and worked_s > 0:
            usual = worked_s / fraction
        share = max(0.0, 1 - worked_s / usual) if usual > 0 else 0.0
        return own.times(share)

    def worked_s(self, ticket: Ticket) -> float:
        """Return the seconds spent on the first ticket of a backend; 0 where a clock was set back."""
        if ticket.granted_at is None:
            return 0.0
        begun_at = datetime.fromisoformat(ticket.granted_at)
        begun_at = max(begun_at, self.durations.ended_at.get(ticket.backend, begun_at))
        return max(0.0, (self.clock.now() - begun_at).total_seconds())

    # What it remembers

    def loaded(self, backend: Backend) -> frozenset[str] | None:
        """Return the model files that were used last at a backend; None where that is unknown."""
        known = self._loaded.get(backend.name)
        return known[0] if known is not None and known[1] == backend.follower.connections else None

    def has_loaded(self, choice: Choice) -> bool:
        """Return whether a backend has the models of a choice loaded; what has none has nothing to load."""
        return not choice.files or choice.files <= (self.loaded(choice.backend) or frozenset())

    def note_used(self, choice: Choice) -> None:
        """Note that a backend was given a prompt: its models are those that are loaded from then on."""
        if choice.files:
            self._loaded[choice.backend.name] = choice.files, choice.backend.follower.connections

    def forget_loaded(self, backend: str) -> None:
        """Note that a backend was asked to free its memory, or that others use it."""
        self._loaded.pop(backend, None)

    def note_idle(self, backend: str) -> None:
        """Note that a backend has ended what it had."""
        self._idle_since_s[backend] = self.clock.monotonic()


def _device_of(backend: Backend) -> str:
    """Return a digest of a backend's devices and versions: its times are those of other ones no more."""
    devices = [{**one, **dict.fromkeys(CHANGING)} if isinstance(one, dict) else one for one in backend.stats.devices]
    said = json.dumps([devices, backend.stats.versions], sort_keys=True, default=str)
    return sha256(said.encode()).hexdigest()[:12] if devices or backend.stats.versions else ""
