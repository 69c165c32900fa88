"""Seats: the places of the backends while a decision is made, and what each offers to a take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from devserver.queueing.eta import Guess

HAND_OVER_BEFORE_S: Final = 2.0  # so long before the running prompt is expected to end, the next one is handed over
NOTHING: Final = Guess(0.0, 0.0, 0.0, 30)


@dataclass(frozen=True)
class Offer:
    """What a backend offers to a take.

    Args:
        variant: the variant of the config that is made there.
        guess: how long the take runs there, its models loaded; None where nothing like it was made there.
        models: the files that it loads.
        bring_s: seconds until its input files are there.
        load_s: seconds that loading its models takes there, where others were used last.
    """

    backend: str
    variant: str
    guess: Guess | None
    models: frozenset[str] = frozenset()
    bring_s: float = 0.0
    load_s: float = 0.0


@dataclass(frozen=True)
class Place:
    """A backend with its places: `running` prompts at a time, `ready` ones handed over behind them.

    Args:
        card: the GPU that it shares with the places of the same name.
        held: how many of our takes that GPU has.
        left: how long until all of those are done; None where that is unknown.
        strangers: how many prompts of others it has.
        idle_s: how long it has had nothing to do.
        loaded: the models that were used last there; None where that is unknown.
        accepts: whether it may be given anything: it is up, not paused, not being emptied.
    """

    name: str
    card: str = ""
    held: int = 0
    left: Guess | None = NOTHING
    strangers: int = 0
    idle_s: float = 0.0
    loaded: frozenset[str] | None = None
    running: int = 1
    ready: int = 1
    accepts: bool = True


@dataclass
class Card:
    """A GPU while a decision is made: what was handed over or reckoned so far.

    Attributes:
        until: when all of that is done; None where nobody can say, as of the prompts of others.
        given_s: when what was handed over is done.
    """

    held: int
    strangers: int
    until: Guess | None
    given_s: float | None


@dataclass
class Seat:
    """A place while a decision is made."""

    place: Place
    order: int
    card: Card
    loaded: frozenset[str] | None

    def has_loaded(self, offer: Offer) -> bool:
        return not offer.models or (self.loaded is not None and offer.models <= self.loaded)

    def seconds(self, offer: Offer) -> float:
        """Return how long the backend would be busy before a take of this offer runs."""
        return offer.bring_s + (0.0 if self.has_loaded(offer) else offer.load_s)

    def has_room(self, *, early: bool) -> bool:
        """Return whether a take may be handed over now; `early` behind whatever is there, however long that runs."""
        place, card = self.place, self.card
        if not place.accepts or card.held >= place.running + place.ready:
            return False
        if early or (card.held < place.running and not card.strangers):
            return True
        return card.until is not None and card.until.usual <= HAND_OVER_BEFORE_S


def seats_of(places: Iterable[Place]) -> dict[str, Seat]:
    """Return the places as they are before anything is decided; nobody knows how long the prompts of others run."""
    seats: dict[str, Seat] = {}
    cards: dict[str, Card] = {}
    for order, place in enumerate(places):
        left_s = place.left.usual if place.left is not None else None
        card = cards.setdefault(place.card or place.name, Card(place.held, 0, place.left, left_s))
        card.strangers += place.strangers
        if place.strangers:
            card.until = card.given_s = None
        seats[place.name] = Seat(place, order, card, place.loaded)
    return seats
