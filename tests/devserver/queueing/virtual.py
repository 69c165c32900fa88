"""A fleet in virtual time: backends of any speed make takes as `place_takes` places them, and no second passes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from devserver.queueing.eta import Guess
from devserver.queueing.placing import USUAL, Limits, Waiting, place_takes
from devserver.queueing.seats import Offer, Place

LOOKED_AT = 50
SLIPPED_S = 1.0


@dataclass
class Card:
    """A backend: how many times faster than the slowest it is, and how long it loads another model.

    `strangers_until_s`: so long it has a prompt of somebody else, before any of ours.
    """

    name: str
    speed: float = 1.0
    load_s: float = 0.0
    strangers_until_s: float = 0.0
    model: str = ""
    queue: list[Take] = field(default_factory=list)
    since_s: float = 0.0  # when the running take began, or since when it is idle
    runs_until_s: float = math.inf
    loads: int = 0
    made: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Take:
    """A take of `seconds` on the slowest backend, accepted at `at_s`."""

    name: str
    seconds: float
    model: str = ""
    user_id: str = "anna"
    level: int = 0
    at_s: float = 0.0
    moved: bool = False


@dataclass
class Waits:
    """What a decision is told of a take that waits, besides the take itself."""

    round: int
    passed: int = 0
    passed_since_s: float | None = None
    since_s: float | None = None  # since when, and for when, it waits for a faster place
    until_s: float = 0.0
    slips: int = 0


class Fleet:
    """Makes takes on cards. `warm` gives each card five samples before.

    Attributes:
        bound: the takes in the order in which they were handed over, each with its card and the time.
        passed: how often each was passed over, and `passed_s` for how long.
    """

    def __init__(self, cards: Sequence[Card], *, warm: bool = True, limits: Limits = USUAL) -> None:
        self.cards, self._limits, self.now_s = {card.name: card for card in cards}, limits, 0.0
        self._samples: dict[str, list[float]] = defaultdict(list)  # seconds of a card for a second's work
        self._load_s: dict[str, list[float]] = defaultdict(list)
        if warm:
            for card in cards:
                self._samples[card.name] += [1 / card.speed] * 5
                self._load_s[card.name] += [card.load_s]
        self._waiting: dict[Take, Waits] = {}
        self.bound: list[tuple[str, str, float]] = []
        self.passed: dict[str, int] = defaultdict(int)
        self.passed_s: dict[str, float] = defaultdict(float)

    @property
    def loads(self) -> int:
        return sum(card.loads for card in self.cards.values())

    def made(self, name: str) -> int:
        return len(self.cards[name].made)

    def make(self, takes: Sequence[Take]) -> float:
        """Make all takes; return when the last one was done."""
        coming = sorted(takes, key=lambda one: one.at_s)
        done_s = 0.0
        while True:
            while coming and coming[0].at_s <= self.now_s:
                self._accept(coming.pop(0))
            look_s = self.now_s + self._place()
            times = [card.runs_until_s for card in self.cards.values()] + [one.at_s for one in coming[:1]]
            times += [at for card in self.cards.values() if (at := card.strangers_until_s) > self.now_s]
            soonest_s = min(*times, look_s)
            if math.isinf(soonest_s):
                assert not self._waiting, f"{len(self._waiting)} takes wait for nothing"
                return done_s
            self.now_s = soonest_s
            for card in self.cards.values():
                if card.runs_until_s <= self.now_s:
                    self._end(card)
                    done_s = self.now_s

    def _accept(self, take: Take) -> None:
        """Users take turns, as their tickets do."""
        same = {one: waits for one, waits in self._waiting.items() if one.level == take.level}
        own = [waits.round + 1 for one, waits in same.items() if one.user_id == take.user_id]
        going_on = min((waits.round for waits in same.values()), default=0)
        self._waiting[take] = Waits(max(own, default=going_on))

    def _place(self) -> float:
        in_order = sorted(
            self._waiting.items(), key=lambda one: (-one[0].level, not one[0].moved, one[1].round, one[0].at_s)
        )
        offered = [self._offered(take, waits) for take, waits in in_order[:LOOKED_AT]]
        made = place_takes(offered, [self._seat(card) for card in self.cards.values()], self._limits)
        by_name = {take.name: take for take in self._waiting}
        for bound in made.bound:
            take = by_name[bound.key[0]]
            waits = self._waiting.pop(take)
            if waits.passed_since_s is not None:
                self.passed_s[take.name] = self.now_s - waits.passed_since_s
            self.bound.append((take.name, bound.backend, self.now_s))
            card = self.cards[bound.backend]
            card.queue.append(take)
            if len(card.queue) == 1:
                self._begin(card)
        for take, waits in self._waiting.items():
            key = take.name, "", 1
            if key in made.passed:
                self.passed[take.name] = waits.passed = waits.passed + 1
                waits.passed_since_s = self.now_s if waits.passed_since_s is None else waits.passed_since_s
            if key in made.reckoned:
                reckoned = made.reckoned[key]
                self._note_wait(waits, reckoned.until if reckoned.waits_for_faster else None)
        return made.look_again_s

    def _note_wait(self, waits: Waits, until: Guess | None) -> None:
        if until is None:
            waits.since_s, waits.slips = None, 0
            return
        until_s = self.now_s + until.usual
        if waits.since_s is None:
            waits.since_s, waits.until_s = self.now_s, until_s
        waits.slips += until_s > waits.until_s + SLIPPED_S
        waits.until_s = until_s

    def _offered(self, take: Take, waits: Waits) -> Waiting:
        return Waiting(
            (take.name, "", 1),
            take.user_id,
            take.level,
            waits.round,
            [self._offer(card, take) for card in self.cards.values()],
            moved=take.moved,
            passed=waits.passed,
            passed_s=self.now_s - waits.passed_since_s if waits.passed_since_s is not None else 0.0,
            slips=waits.slips,
            waits_s=self.now_s - waits.since_s if waits.since_s is not None else 0.0,
        )

    def _offer(self, card: Card, take: Take) -> Offer:
        known = self._samples[card.name]
        guess = None
        if known:
            usual = take.seconds * median(known)
            guess = Guess(usual * 0.9, usual, usual * 1.1, len(known))
        load_s = median(self._load_s[card.name]) if self._load_s[card.name] else 0.0
        return Offer(card.name, "", guess, frozenset([take.model] if take.model else []), load_s=load_s)

    def _seat(self, card: Card) -> Place:
        left: Guess | None = Guess(0, 0, 0, 30)
        if card.queue:
            guesses = [self._offer(card, take).guess for take in card.queue]
            left = None
            if None not in guesses:
                usual = sum(guess.usual for guess in guesses if guess) - (self.now_s - card.since_s)
                left = Guess(max(0, usual), max(0, usual), max(0, usual), 5)
        model = card.queue[-1].model if card.queue else card.model
        return Place(
            card.name,
            held=len(card.queue),
            left=left,
            strangers=int(card.strangers_until_s > self.now_s),
            idle_s=0.0 if card.queue else self.now_s - card.since_s,
            loaded=frozenset([model]) if model else None,
        )

    def _begin(self, card: Card) -> None:
        take = card.queue[0]
        seconds = take.seconds / card.speed
        if take.model and take.model != card.model:
            seconds += card.load_s
            card.loads += 1
        card.since_s = max(self.now_s, card.strangers_until_s)
        card.runs_until_s = card.since_s + seconds

    def _end(self, card: Card) -> None:
        take = card.queue.pop(0)
        if take.model and take.model != card.model:
            self._load_s[card.name].append(card.load_s)
        card.model = take.model
        card.made.append(take.name)
        self._samples[card.name].append(1 / card.speed)
        card.since_s, card.runs_until_s = self.now_s, math.inf
        if card.queue:
            self._begin(card)
