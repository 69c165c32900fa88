"""What the owner of a backend says about its use is obeyed when takes are placed."""

from __future__ import annotations

import pytest

from devserver.backends.sources import Address, Use
from devserver.queueing.eta import Guess
from devserver.queueing.placing import Waiting, place_takes
from devserver.queueing.seats import Offer, Place

SECOND = Guess(0.9, 1.0, 1.1, 5)


def takes(count: int, *backends: str) -> list[Waiting]:
    """Takes of a second each that every one of these backends can make."""
    offers = [Offer(name, "a", SECOND) for name in backends]
    return [Waiting((f"run-{number}", "generation", 1), "anna", 0, number, offers) for number in range(count)]


def bound(waiting: list[Waiting], *places: Place) -> list[str]:
    return [one.backend for one in place_takes(waiting, places).bound]


def test_two_backends_on_one_card_run_one_prompt_at_a_time() -> None:
    apart, together = [Place("a"), Place("b")], [Place("a", "card0"), Place("b", "card0")]
    assert len(bound(takes(9, "a", "b"), *apart)) == 4, "one runs at each, and one is ready"
    assert len(bound(takes(9, "a", "b"), *together)) == 2
    busy = Guess(60.0, 60.0, 60.0, 5)
    shared = [Place("a", "card0", held=1, left=busy), Place("b", "card0", held=1, left=busy)]
    assert bound(takes(1, "a", "b"), *shared) == [], "b is idle, its card is not"


def test_a_backend_gets_as_many_prompts_as_it_has_places() -> None:
    long = Guess(60.0, 60.0, 60.0, 5)
    waiting = [Waiting((f"run-{n}", "generation", 1), "anna", 0, n, [Offer("a", "a", long)]) for n in range(9)]
    assert len(bound(waiting, Place("a", running=3, ready=2))) == 5, "nobody else could make them"
    both = [Waiting(one.key, "anna", 0, one.round, [Offer("a", "a", long), Offer("b", "a", long)]) for one in waiting]
    assert bound(both, Place("a", running=3, ready=2), Place("b")).count("b") == 1


@pytest.mark.parametrize(
    ("use", "song", "film"),
    [
        (Use(), True, True),
        (Use(only=frozenset({"song"})), True, False),
        (Use(never=frozenset({"song"})), False, True),
        (Use(only=frozenset({"song"}), never=frozenset({"song"})), False, False),
    ],
)
def test_outputs_may_be_kept_to_a_backend_or_from_it(use: Use, *, song: bool, film: bool) -> None:
    assert (use.allows("song"), use.allows("film")) == (song, film)


def test_whose_a_backend_is_can_be_said() -> None:
    here, studio = "http://127.0.0.1:8188", "http://studio:8188"
    assert Address("studio", "comfyui", studio).remote
    assert not Address("studio", "comfyui", studio, use=Use(ours=True)).remote
    assert Address("here", "comfyui", here, use=Use(ours=False)).remote
