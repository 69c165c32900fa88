"""Placing: which of the waiting takes goes to which backend now. Pure: a decision follows from its arguments alone.

The takes are reckoned in their order, each where it is expected to be done first: after what was handed over there
and after what was reckoned before it (list scheduling by earliest completion time). Where that place is free the
take goes there; where a faster place is busy the take waits for it, and the free place is offered to those behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from devserver.queueing.eta import Guess
from devserver.queueing.seats import HAND_OVER_BEFORE_S, Offer, Place, Seat, seats_of
from devserver.queueing.tickets import Key

SAMPLES_TO_WAIT: Final = 3  # durations that must be known before a take waits for a busy backend
SLIPS_ALLOWED: Final = 1  # how often the time that a take waits for may be put off
WORTH_S: Final = 0.05  # who gains less by waiting does not wait
SOON_S: Final = 0.05  # it is not decided again sooner
UNKNOWN_TIMES: Final = 3.0  # a backend without samples is taken for so many times slower than the slowest known one
LOSS_ALLOWED: Final = 0.2  # of the time until all that waits is done: what finding out about a backend may cost


@dataclass(frozen=True)
class Limits:
    """How long takes that are already loaded may keep the others waiting.

    Args:
        passes: how often a take may be passed over: a place that fits it is given to a take after it.
        passed_s: how long a take may be passed over.
    """

    passes: int = 16
    passed_s: float = 60.0


USUAL: Final = Limits()


@dataclass(frozen=True)
class Waiting:
    """A take that waits, with what it is offered, in the order of preference.

    Args:
        passed: how often, and for how many seconds, it was passed over.
        slips: how often the time that it waits for was put off, and for how many seconds it waits for a faster place.
    """

    key: Key
    user_id: str
    level: int
    round: int
    offers: Sequence[Offer]
    moved: bool = False
    passed: int = 0
    passed_s: float = 0.0
    slips: int = 0
    waits_s: float = 0.0


@dataclass(frozen=True)
class Bound:
    """A take that goes to a backend now; `why` is the code of a sentence."""

    key: Key
    backend: str
    variant: str
    why: str


@dataclass(frozen=True)
class Reckoned:
    """Where a take that waits is expected, and when it is done there; no backend where nobody can say."""

    backend: str = ""
    until: Guess | None = None
    why: str = ""
    waits_for_faster: bool = False


@dataclass
class Placing:
    """A decision.

    Attributes:
        passed: the takes that were passed over.
        look_again_s: seconds after which something may change by itself.
    """

    bound: list[Bound] = field(default_factory=list)
    reckoned: dict[Key, Reckoned] = field(default_factory=dict)
    passed: set[Key] = field(default_factory=set)
    look_again_s: float = math.inf


def place_takes(
    waiting: Sequence[Waiting], places: Iterable[Place], limits: Limits = USUAL, *, reckon_all: bool = True
) -> Placing:
    """Decide which takes go where now, and reckon where the others will go.

    Args:
        waiting: in their order.
        places: in the order in which they were configured.
        limits: how long takes may be passed over.
        reckon_all: also those that come after all places are taken.
    """
    return _Decision(waiting, places, limits).decide(reckon_all=reckon_all)


class _Decision:
    def __init__(self, waiting: Sequence[Waiting], places: Iterable[Place], limits: Limits) -> None:
        self._waiting, self._limits, self._made = waiting, limits, Placing()
        self._seats = seats_of(places)
        self._done: set[Key] = set()
        self._horizon_s = _horizon(waiting, self._seats)
        self._last_early = max((index for index, take in enumerate(waiting) if self._goes_early(take)), default=-1)

    def decide(self, *, reckon_all: bool) -> Placing:
        for index, take in enumerate(self._waiting):
            if not reckon_all and not self._has_room(index):
                break
            if take.key not in self._done:
                self._place(index, take)
        self._note_passed()
        self._note_when_to_look()
        return self._made

    def _has_room(self, index: int) -> bool:
        """Return whether some backend can be given one of the takes from this one on."""
        early = index <= self._last_early
        return any(seat.has_room(early=early) for seat in self._seats.values())

    def _goes_early(self, take: Waiting) -> bool:
        """Return whether a take is handed over behind whatever is there.

        Nobody else can make it, or others' prompts are everywhere, or it was passed over for as long as any may be.
        """
        fitting = {offer.backend for offer in take.offers if offer.backend in self._seats}
        usable = [seat for name in fitting if (seat := self._seats[name]).place.accepts]
        return (
            len(fitting) == 1
            or self._is_overdue(take)
            or (bool(usable) and all(seat.card.strangers for seat in usable))
        )

    def _note_passed(self) -> None:
        """Note the takes before those that got a place, where it would have been one for them too."""
        given: set[str] = set()
        bound = {one.key: one.backend for one in self._made.bound}
        for take in reversed(self._waiting):
            if take.key in bound:
                given.add(bound[take.key])
            elif any(offer.backend in given for offer in take.offers):
                self._made.passed.add(take.key)

    def _place(self, index: int, take: Waiting) -> None:
        offers = [offer for offer in take.offers if offer.backend in self._seats]
        usable = [offer for offer in offers if self._seats[offer.backend].place.accepts]
        alone = len({offer.backend for offer in offers}) == 1
        early = self._goes_early(take)
        free = [offer for offer in usable if self._seats[offer.backend].has_room(early=early)]
        faster = self._soonest([offer for offer in usable if offer.guess is not None])
        if not free:
            only = (usable or offers)[0].backend if alone or (offers and not usable) else ""
            self._reckon(take, faster, only=only)
            return
        best = self._best(free, faster, hurries=self._is_overdue(take))
        if best is None or (faster is not None and best is not faster and self._waits(take, best, faster)):
            self._reckon(take, faster, waits=True)
            return
        self._bind(index, take, best)

    def _bind(self, index: int, take: Waiting, offer: Offer) -> None:
        """Hand a take over, after those behind it whose models the backend has loaded while its own would be loaded."""
        seat = self._seats[offer.backend]
        if not seat.has_loaded(offer) and (found := self._loaded_behind(index, seat)) is not None:
            self._hand_over(*found, "placed_loaded")
            self._place(index, take)  # there is another place, or it waits
            return
        self._hand_over(take, offer, self._why(take, offer))

    def _loaded_behind(self, index: int, seat: Seat) -> tuple[Waiting, Offer] | None:
        """Find the next take whose models a backend has loaded, if all before it may be passed over for it."""
        between: list[Waiting] = []
        for take in self._waiting[index:]:
            offer = next((one for one in take.offers if one.backend == seat.place.name), None)
            if offer is None or take.key in self._done:
                continue
            if seat.has_loaded(offer):
                return (take, offer) if all(self._may_pass(take, one) for one in between) else None
            between.append(take)
        return None

    def _may_pass(self, take: Waiting, other: Waiting) -> bool:
        """Return whether a take may go before another one, because its models are loaded."""
        if other.moved or take.level != other.level or self._is_overdue(other):
            return False
        return take.user_id == other.user_id or take.round - other.round <= 1

    def _soonest(self, offers: Sequence[Offer]) -> Offer | None:
        """Return the offer by which a take is done first; None where nobody can say."""
        known = [offer for offer in offers if self._usual_end(offer) is not None]
        return min(known, key=self._preference, default=None)

    def _preference(self, offer: Offer) -> tuple[float, int, bool, float, int]:
        seat, end = self._seats[offer.backend], self._usual_end(offer)
        before = seat.card.held + seat.card.strangers if end is None else 0
        return math.inf if end is None else end, before, not seat.has_loaded(offer), -seat.place.idle_s, seat.order

    def _usual_end(self, offer: Offer) -> float | None:
        seat = self._seats[offer.backend]
        if seat.card.until is None or offer.guess is None:
            return None
        return seat.card.until.usual + seat.seconds(offer) + offer.guess.usual

    def _best(self, free: Sequence[Offer], faster: Offer | None, *, hurries: bool) -> Offer | None:
        """Return the best of the places that are free; None where each would be a gamble that costs too much.

        A take that `hurries` has waited for as long as any may, and gambles.
        """
        known, unknown = self._soonest(free), [offer for offer in free if offer.guess is None]
        if not unknown:
            return known or min(free, key=self._preference)  # what it has now takes nobody knows how long
        first_unknown = min(unknown, key=self._preference)
        if faster is None or faster.guess is None:
            return known or first_unknown
        at_worst_s = UNKNOWN_TIMES * faster.guess.usual + first_unknown.bring_s
        end_s = max(self._horizon_s, self._usual_end(faster) or 0.0)
        if at_worst_s <= (1 + LOSS_ALLOWED) * end_s or (known is None and hurries):
            return first_unknown
        return known

    def _waits(self, take: Waiting, best: Offer, faster: Offer) -> bool:
        """Return whether a take waits for a faster place that is busy, rather than take the best free one."""
        if best.guess is None or faster.guess is None or self._is_overdue(take):
            return False
        if min(best.guess.samples, faster.guess.samples) < SAMPLES_TO_WAIT:
            return False
        here_s, there_s = self._usual_end(best), self._usual_end(faster)
        if here_s is None or there_s is None or here_s - there_s < WORTH_S:
            return False
        return take.slips <= SLIPS_ALLOWED and take.waits_s < best.guess.usual

    def _is_overdue(self, take: Waiting) -> bool:
        return take.passed >= self._limits.passes or take.passed_s >= self._limits.passed_s

    def _hand_over(self, take: Waiting, offer: Offer, why: str) -> None:
        seat = self._seats[offer.backend]
        self._made.bound.append(Bound(take.key, offer.backend, offer.variant, why))
        seat.card.held += 1
        if seat.card.given_s is not None:
            seat.card.given_s += seat.seconds(offer) + (offer.guess.usual if offer.guess else math.inf)
        self._add(take, offer)
        self._made.reckoned[take.key] = Reckoned(offer.backend, seat.card.until, why)

    def _reckon(self, take: Waiting, offer: Offer | None, *, waits: bool = False, only: str = "") -> None:
        """Reckon where a take will go; `only` is where it must go though nobody can say when."""
        self._done.add(take.key)
        if offer is None:
            self._made.reckoned[take.key] = Reckoned(only)
            return
        self._add(take, offer)
        until = self._seats[offer.backend].card.until
        why = "placed_faster" if waits else self._why(take, offer)
        self._made.reckoned[take.key] = Reckoned(offer.backend, until, why, waits)

    def _add(self, take: Waiting, offer: Offer) -> None:
        seat = self._seats[offer.backend]
        self._done.add(take.key)
        more_s = seat.seconds(offer)
        seat.loaded = offer.models or seat.loaded
        if seat.card.until is None or offer.guess is None:
            seat.card.until = None
            return
        before, own = seat.card.until, offer.guess
        seat.card.until = Guess(
            before.low + own.low + more_s,
            before.usual + own.usual + more_s,
            before.high + own.high + more_s,
            min(before.samples, own.samples),
        )

    def _why(self, take: Waiting, offer: Offer) -> str:
        fitting = {one.backend for one in take.offers}
        if len(fitting) == 1:
            return "placed_alone"
        if offer.guess is None:
            return "placed_idle"
        return "placed_soonest"

    def _note_when_to_look(self) -> None:
        """Look again when the next prompt may be handed over, and when a take has waited for long enough."""
        if len(self._made.bound) == len(self._waiting):
            return
        times = [
            seat.card.given_s - HAND_OVER_BEFORE_S
            for seat in self._seats.values()
            if seat.place.accepts and seat.card.held == seat.place.running and seat.card.given_s is not None
        ]
        for take in self._waiting:
            reckoned = self._made.reckoned.get(take.key)
            if reckoned is not None and reckoned.waits_for_faster:
                times += [offer.guess.usual - take.waits_s for offer in take.offers if offer.guess is not None]
                times.append(self._limits.passed_s - take.passed_s)
        self._made.look_again_s = max(SOON_S, min((time for time in times if time > 0), default=math.inf))


def _horizon(waiting: Sequence[Waiting], seats: Mapping[str, Seat]) -> float:
    """Estimate the seconds until everything that waits is done, by the backends that are known."""
    work_s, used = 0.0, set[str]()
    for take in waiting:
        known = [offer for offer in take.offers if offer.guess is not None and offer.backend in seats]
        used |= {offer.backend for offer in known}
        work_s += min((offer.bring_s + offer.guess.usual for offer in known if offer.guess), default=0.0)
    lefts = [left.usual for name in used if (left := seats[name].card.until) is not None]
    return (work_s + sum(lefts)) / max(1, len(used))
