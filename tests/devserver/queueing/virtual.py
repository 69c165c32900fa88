"""A fleet in virtual time: backends of any speed that make takes as `place_takes` places them, in no time."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from devserver.queueing.eta import Guess
from devserver.queueing.placing import USUAL, Limits, Offer, Place, Waiting, place_takes


@dataclass
class Card:
    """A backend: how many times faster than the slowest it is, and how long it loads another model."""

    name: str
    speed: float = 1.0
    load_s: float = 0.0
    model: str = ""
    queue: list[Take] = field(default_factory=list)
    since_s: float = 0.0  # when the running take began, or since when it is idle
    runs_until_s: float = math.inf
    loads: int = 0
    made: list[Take] = field(default_factory=list)


@dataclass(frozen=True)
class Take:
    """A take of `seconds` on the slowest backend."""

    name: str
    seconds: float
    model: str = ""
    user_id: str = "anna"
    level: int = 0
    at_s: float = 0.0


class Fleet:
    """Makes takes on cards. `warm` gives each card five samples of every length and model before."""

    def __init__(self, cards: Sequence[Card], *, warm: bool = True, limits: Limits = USUAL) -> None:
        self.cards, self._limits, self.now_s = list(cards), limits, 0.0
        self._samples: dict[str, list[float]] = defaultdict(list)  # seconds of a card for a second's work
        self._load_s: dict[str, list[float]] = defaultdict(list)
        if warm:
            for card in self.cards:
                self._samples[card.name] += [1 / card.speed] * 5
                self._load_s[card.name] += [card.load_s]
        self._passed: dict[str, tuple[int, float]] = {}
        self._waits: dict[str, tuple[str, float, float, int]] = {}

    def make(self, takes: Sequence[Take]) -> float:
        """Make all takes; return when the last one is done."""
        coming = sorted(takes, key=lambda one: one.at_s)
        waiting: list[Take] = []
        looks: list[float] = []
        while True:
            while coming and coming[0].at_s <= self.now_s:
                waiting.append(coming.pop(0))
            waiting.sort(key=lambda one: -one.level)
            again_s = self._place(waiting)
            if math.isfinite(again_s):
                heapq.heappush(looks, self.now_s + again_s)
            nexts = [card.runs_until_s for card in self.cards] + [one.at_s for one in coming[:1]]
            while looks and looks[0] <= self.now_s:
                heapq.heappop(looks)
            soonest = min([*nexts, *looks[:1]])
            if math.isinf(soonest):
                assert not waiting, f"{len(waiting)} takes wait for nothing"
                return self.now_s
            self.now_s = soonest
            for card in self.cards:
                if card.runs_until_s <= self.now_s:
                    self._end(card)

    def _place(self, waiting: list[Take]) -> float:
        rounds: dict[str, int] = defaultdict(int)
        offered = []
        for take in waiting[:50]:
            passed, first_s = self._passed.get(take.name, (0, self.now_s))
            _, since_s, _, slips = self._waits.get(take.name, ("", self.now_s, 0.0, 0))
            offered.append(
                Waiting(
                    (take.name, "", 1),
                    take.user_id,
                    take.level,
                    rounds[take.user_id],
                    [self._offer(card, take) for card in self.cards],
                    passed=passed,
                    passed_s=self.now_s - first_s,
                    slips=slips,
                    waits_s=self.now_s - since_s,
                )
            )
            rounds[take.user_id] += 1
        made = place_takes(offered, [self._seat(card) for card in self.cards], self._limits)
        for key in made.passed:
            count, first_s = self._passed.get(key[0], (0, self.now_s))
            self._passed[key[0]] = count + 1, first_s
        for key, reckoned in made.reckoned.items():
            self._note_wait(key[0], reckoned.waits_for_faster, reckoned.until)
        for bound in made.bound:
            take = next(one for one in waiting if one.name == bound.key[0])
            waiting.remove(take)
            card = next(one for one in self.cards if one.name == bound.backend)
            card.queue.append(take)
            if len(card.queue) == 1:
                self._begin(card)
        return made.look_again_s

    def _note_wait(self, name: str, waits: bool, until: Guess | None) -> None:
        if not waits or until is None:
            self._waits.pop(name, None)
            return
        end_s = self.now_s + until.usual
        backend, since_s, before_s, slips = self._waits.get(name, ("", self.now_s, end_s, 0))
        self._waits[name] = backend, since_s, end_s, slips + (end_s > before_s + 1)

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
            if any(guess is None for guess in guesses):
                left = None
            else:
                usual = sum(guess.usual for guess in guesses if guess) - (self.now_s - card.since_s)
                left = Guess(max(0, usual), max(0, usual), max(0, usual), 5)
        model = card.queue[-1].model if card.queue else card.model
        idle_s = 0.0 if card.queue else self.now_s - card.since_s
        loaded = frozenset([model]) if model else None
        return Place(card.name, held=len(card.queue), left=left, idle_s=idle_s, loaded=loaded)

    def _begin(self, card: Card) -> None:
        take = card.queue[0]
        seconds = take.seconds / card.speed
        if take.model and take.model != card.model:
            seconds += card.load_s
            card.loads += 1
        card.since_s, card.runs_until_s = self.now_s, self.now_s + seconds

    def _end(self, card: Card) -> None:
        take = card.queue.pop(0)
        if take.model and take.model != card.model:
            self._load_s[card.name].append(card.load_s)
        card.model = take.model
        card.made.append(take)
        self._samples[card.name].append(1 / card.speed)
        card.since_s, card.runs_until_s = self.now_s, math.inf
        if card.queue:
            self._begin(card)
