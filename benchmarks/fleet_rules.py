"""The best that a fleet can do, and what plain rules do with the same takes: computed, nothing runs.

A take's `seconds` are those on the slowest card, speed 1. All takes are there from the beginning, in their order.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final


@dataclass(frozen=True)
class Card:
    """A card: there from `from_s` on, until it is killed at `until_s`; `busy` strangers' prompts occupy it before."""

    speed: float = 1.0
    load_s: float = 0.0
    from_s: float = 0.0
    until_s: float = math.inf
    busy: int = 0

    def seconds(self, take: Take) -> float:
        return take.seconds / self.speed


@dataclass(frozen=True)
class Take:
    seconds: float
    model: str = "north"


def best_s(cards: Sequence[Card], takes: Sequence[Take]) -> float:
    """The least time in which these cards can make these takes.

    Exact where all takes are alike, and where all of a model are; else the larger of the work by the speeds and the
    longest by the fastest, which nothing can be faster than.
    """
    models = sorted({take.model for take in takes})
    if any(card.load_s for card in cards):
        return _best_with_loads(cards, takes, models)
    if len({take.seconds for take in takes}) == 1:
        return _best_of_equal(cards, takes[0], len(takes))
    work_s = sum(take.seconds for take in takes)
    return max(work_s / sum(card.speed for card in cards), max(t.seconds for t in takes) / max(c.speed for c in cards))


def _best_of_equal(cards: Sequence[Card], take: Take, count: int) -> float:
    """The first moment at which the cards can have made so many."""
    ends = sorted(
        end
        for card in cards
        for number in range(count)
        if (end := card.from_s + (number + 1) * card.seconds(take)) <= card.until_s
    )
    return ends[count - 1]


def _best_with_loads(cards: Sequence[Card], takes: Sequence[Take], models: Sequence[str]) -> float:
    """Try every way to share the takes of each model out between two equal cards that have nothing loaded."""
    first, second = cards
    kinds = [(sum(take.model == model for take in takes), _seconds_of(takes, model)) for model in models]
    best = math.inf
    for split in product(*(range(count + 1) for count, _ in kinds)):
        parts = [(given, count - given, seconds) for given, (count, seconds) in zip(split, kinds, strict=True)]
        ends = (
            sum(here * seconds / first.speed + bool(here) * first.load_s for here, _, seconds in parts),
            sum(there * seconds / second.speed + bool(there) * second.load_s for _, there, seconds in parts),
        )
        best = min(best, max(ends))
    return best


def _seconds_of(takes: Sequence[Take], model: str) -> float:
    (seconds,) = {take.seconds for take in takes if take.model == model}
    return seconds


def always_the_first(cards: Sequence[Card], takes: Sequence[Take]) -> float:
    return _shared_out(cards, takes, [0] * len(takes))


def round_robin(cards: Sequence[Card], takes: Sequence[Take]) -> float:
    return _shared_out(cards, takes, [number % len(cards) for number in range(len(takes))])


def least_queued(cards: Sequence[Card], takes: Sequence[Take]) -> float:
    """Each goes to the card that has the fewest prompts when it comes."""
    queued, given = [card.busy for card in cards], []
    for _ in takes:
        given.append(queued.index(min(queued)))
        queued[given[-1]] += 1
    return _shared_out(cards, takes, given)


def pull(cards: Sequence[Card], takes: Sequence[Take]) -> float:
    """Whichever card is free takes the next one."""
    free = [(card.from_s, number) for number, card in enumerate(cards)]
    heapq.heapify(free)
    loaded, waiting, end_s = [""] * len(cards), list(takes), 0.0
    while waiting:
        at, number = heapq.heappop(free)
        take, card = waiting.pop(0), cards[number]
        done_s = at + card.seconds(take) + (card.load_s if loaded[number] != take.model else 0.0)
        if done_s > card.until_s:
            waiting.insert(0, take)  # it is killed in the middle of it, and makes nothing more
            continue
        loaded[number], end_s = take.model, max(end_s, done_s)
        heapq.heappush(free, (done_s, number))
    return end_s


def loads_in_order(cards: Sequence[Card], takes: Sequence[Take]) -> int:
    """How often a fleet that takes them in plain order loads a model."""
    free = [(0.0, number) for number in range(len(cards))]
    loaded, loads = [""] * len(cards), 0
    for take in takes:
        at, number = heapq.heappop(free)
        other, loaded[number] = loaded[number] != take.model, take.model
        loads += other
        heapq.heappush(free, (at + cards[number].seconds(take) + other * cards[number].load_s, number))
    return loads


def _shared_out(cards: Sequence[Card], takes: Sequence[Take], given: Sequence[int]) -> float:
    ends, loaded = [card.from_s for card in cards], [""] * len(cards)
    for take, number in zip(takes, given, strict=True):
        ends[number] += cards[number].seconds(take) + (cards[number].load_s if loaded[number] != take.model else 0.0)
        loaded[number] = take.model
    return max(ends[number] for number in set(given))


RULES: Final[dict[str, Callable[[Sequence[Card], Sequence[Take]], float]]] = {
    "always the first": always_the_first,
    "round robin": round_robin,
    "least queued": least_queued,
    "pull": pull,
}
