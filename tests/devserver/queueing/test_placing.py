"""Which take goes to which backend: whole fleets in virtual time, and single decisions."""

from __future__ import annotations

import math
import random
from statistics import median
from typing import Any

import pytest

from devserver.queueing.eta import Guess
from devserver.queueing.placing import SOON_S, USUAL, Placing, Waiting, place_takes
from devserver.queueing.seats import HAND_OVER_BEFORE_S, Offer, Place
from tests.devserver.queueing.virtual import Card, Fleet, Take


def alike(count: int, seconds: float) -> list[Take]:
    return [Take(f"{number}", seconds) for number in range(count)]


# Scenes


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("cards", [1, 2, 4, 8])
def test_equal_backends_share_equal_takes(cards: int, *, warm: bool) -> None:
    fleet = Fleet([Card(f"{number}") for number in range(cards)], warm=warm)
    assert fleet.make(alike(40, 4)) <= 1.1 * 40 * 4 / cards


@pytest.mark.parametrize(("warm", "times"), [(True, 1.10), (False, 1.35)])
@pytest.mark.parametrize("seed", range(5))
def test_unequal_backends_share_by_their_speeds(seed: int, times: float, *, warm: bool) -> None:
    draws = random.Random(seed)
    takes = [Take(f"{number}", draws.uniform(2, 8)) for number in range(60)]
    best_s = max(sum(take.seconds for take in takes) / 5, max(take.seconds for take in takes) / 3)
    assert Fleet([Card("a"), Card("b"), Card("fast", 3)], warm=warm).make(takes) <= times * best_s


@pytest.mark.parametrize("slow_is_first", [True, False])
@pytest.mark.parametrize(
    ("takes", "speed", "slow_makes", "at_most_s"),
    [(alike(2, 4), 3, 0, 2.7), (alike(6, 6), 3, 1, 11), (alike(20, 4), 8, 2, 1.15 * 20 * 4 / 9)],
    ids=["2 on 3:1", "6 on 3:1", "20 on 8:1"],
)
def test_a_slow_backend_makes_what_it_has_done_sooner(
    takes: list[Take], speed: float, slow_makes: int, at_most_s: float, *, slow_is_first: bool
) -> None:
    cards = [Card("fast", speed), Card("slow")]
    fleet = Fleet(cards[::-1] if slow_is_first else cards)
    assert fleet.make(takes) <= at_most_s
    assert fleet.made("slow") == slow_makes


def three_models(runs: int, seed: int) -> tuple[Fleet, float]:
    draws = random.Random(seed)
    fleet = Fleet([Card("a", load_s=5), Card("b", load_s=5)])
    return fleet, fleet.make([Take(f"{number}", 1, model=draws.choice("xyz")) for number in range(runs)])


def test_models_are_loaded_seldom() -> None:
    made = [three_models(60, seed) for seed in range(20)]
    loads = [fleet.loads for fleet, _ in made]
    assert median(loads) <= 9
    assert max(loads) <= 12
    best_s = (60 + 3 * 5) / 2  # each model loaded once
    assert max(ended_s for _, ended_s in made) <= 1.5 * best_s


@pytest.mark.parametrize("seed", range(3))
def test_none_is_passed_over_too_often_or_for_too_long(seed: int) -> None:
    fleet, _ = three_models(300, seed)
    assert max(fleet.passed.values()) == USUAL.passes
    longest_to_a_free_place_s = 5 + 1
    assert max(fleet.passed_s.values()) <= USUAL.passed_s + longest_to_a_free_place_s


def test_nobody_waits_behind_a_stranger_where_another_backend_is_free() -> None:
    fleet = Fleet([Card("a", strangers_until_s=60), Card("b")])
    assert fleet.make(alike(6, 4)) == 24, "and the pauses between its prompts are hidden"
    assert fleet.made("a") == 0
    assert [at_s for _, _, at_s in fleet.bound] == [0, 2, 6, 10, 14, 18]


def test_another_user_and_a_higher_priority_are_next() -> None:
    fleet = Fleet([Card(f"{number}", load_s=5, model="x") for number in range(4)])
    many = [Take(f"anna {number}", 4, model="x") for number in range(100)]
    fleet.make([*many, Take("ben", 4, "y", "ben", at_s=9), Take("urgent", 4, "y", "cleo", level=9, at_s=21)])
    after_ben_came = [name for name, _, at_s in fleet.bound if at_s >= 9]
    assert after_ben_came.index("ben") <= 2, "behind the first of the other one, and one whose model is loaded"
    assert next(name for name, _, at_s in fleet.bound if at_s >= 21) == "urgent"


# Single decisions


def guess(seconds: float, samples: int = 5) -> Guess:
    return Guess(seconds, seconds, seconds, samples)


def offer(backend: str, seconds: float | None = None, model: str = "", samples: int = 5, load_s: float = 0.0) -> Offer:
    known = guess(seconds, samples) if seconds is not None else None
    return Offer(backend, "", known, frozenset([model] if model else []), load_s=load_s)


def take(name: str, *offers: Offer, user_id: str = "anna", turn: int = 0, **more: Any) -> Waiting:
    return Waiting((name, "", 1), user_id, 0, turn, offers, **more)


def busy(name: str, left_s: float | None) -> Place:
    return Place(name, held=1, left=guess(left_s) if left_s is not None else None)


def bound(decided: Placing) -> dict[str, str]:
    return {one.key[0]: one.backend for one in decided.bound}


def test_where_nothing_is_known_it_goes_to_the_one_that_was_idle_longest_then_to_the_first() -> None:
    places = [Place("a", idle_s=1), Place("b", idle_s=9), Place("c", idle_s=9)]
    offers = [offer(one.name) for one in places]
    assert bound(place_takes([take("1", *offers)], places)) == {"1": "b"}
    both = place_takes([take("1", *offers), take("2", *offers), take("3", *offers)], places)
    assert bound(both) == {"1": "b", "2": "c", "3": "a"}


def test_an_unknown_backend_gets_a_take_only_where_little_can_be_lost() -> None:
    places = [Place("known"), Place("new")]
    offers = [offer("known", 4), offer("new")]
    many = [take(f"{number}", *offers) for number in range(20)]
    assert bound(place_takes(many, places)) == {"0": "new", "1": "known"}
    assert bound(place_takes(many[:1], places)) == {"0": "known"}
    alone = place_takes(many[:1], [busy("known", 3), Place("new")])
    assert (bound(alone), alone.reckoned[many[0].key].backend) == ({}, "known")
    weary = take("0", *offers, passed=USUAL.passes)
    assert bound(place_takes([weary], [Place("known", held=2, left=guess(3)), Place("new")])) == {"0": "new"}


def test_it_waits_for_a_faster_place_and_the_free_one_goes_to_who_gains_by_it() -> None:
    places = [busy("fast", 3), Place("slow")]
    waits, other = take("1", offer("fast", 2), offer("slow", 6)), take("2", offer("fast", 2), offer("slow", 6))
    decided = place_takes([waits, other], places)
    assert bound(decided) == {"2": "slow"}, "after the first one it would be done there at 7 s"
    assert decided.reckoned[waits.key].waits_for_faster
    assert decided.reckoned[waits.key].why == "placed_faster"
    assert decided.passed == {waits.key}


@pytest.mark.parametrize(
    ("more", "goes_to"),
    [
        ({"slips": 2}, "slow"),
        ({"waits_s": 6.0}, "slow"),
        ({"passed": USUAL.passes}, "fast"),  # and is ready there
        ({"passed_s": USUAL.passed_s}, "fast"),
    ],
    ids=["slipped twice", "its own time", "passed often", "passed for long"],
)
def test_it_waits_no_longer(more: dict[str, Any], goes_to: str) -> None:
    places, offers = [busy("fast", 3), Place("slow")], [offer("fast", 2), offer("slow", 6)]
    almost = {name: value - 1 for name, value in more.items()}
    assert bound(place_takes([take("1", *offers, **almost)], places)) == {}
    assert bound(place_takes([take("1", *offers, **more)], places)) == {"1": goes_to}


def test_nobody_waits_for_a_busy_place_of_which_little_is_known() -> None:
    places = [busy("fast", 3), Place("slow")]
    for samples, goes in ((2, {"1": "slow"}), (3, {})):
        asks = take("1", offer("fast", 2, samples=samples), offer("slow", 6))
        assert bound(place_takes([asks], places)) == goes


@pytest.mark.parametrize(
    ("left_s", "has_place"), [(HAND_OVER_BEFORE_S, True), (HAND_OVER_BEFORE_S + 0.1, False), (None, False)]
)
def test_the_next_one_is_handed_over_shortly_before_the_end(left_s: float | None, *, has_place: bool) -> None:
    either, only = take("1", offer("a", 4), offer("b", 4)), take("1", offer("a", 4))
    places = [busy("a", left_s), busy("b", 99)]
    assert bound(place_takes([either], places)) == ({"1": "a"} if has_place else {})
    assert bound(place_takes([only], places)) == {"1": "a"}, "nobody else fits"
    full = Place("a", held=2, left=guess(1))
    assert bound(place_takes([only], [full])) == {}


def test_a_backend_that_accepts_nothing_gets_nothing_and_is_named_where_only_it_fits() -> None:
    only = take("1", offer("a", 4))
    decided = place_takes([only], [Place("a", accepts=False)])
    assert (bound(decided), decided.reckoned[only.key].backend) == ({}, "a")
    assert bound(place_takes([take("1", offer("a", 4), offer("b", 9))], [Place("a", accepts=False), Place("b")])) == {
        "1": "b"
    }


def test_it_is_decided_again_when_the_next_one_may_be_handed_over() -> None:
    offers = [offer("a", 10), offer("b", 10)]
    waiting = [take(f"{number}", *offers) for number in range(3)]
    decided = place_takes(waiting, [Place("a"), Place("b")])
    assert decided.look_again_s == 10 - HAND_OVER_BEFORE_S
    assert place_takes(waiting[:2], [Place("a"), Place("b")]).look_again_s == math.inf
    a_moment = busy("a", HAND_OVER_BEFORE_S + 1e-9)
    assert place_takes(waiting[:1], [a_moment, busy("b", 99)]).look_again_s == SOON_S


def test_behind_strangers_it_waits_where_the_fewest_are_and_only_if_they_are_everywhere() -> None:
    offers = [offer("a", 4), offer("b", 4)]
    many, few, free = Place("a", strangers=3), Place("b", strangers=1), Place("b")
    assert bound(place_takes([take("1", *offers)], [many, few])) == {"1": "b"}
    assert bound(place_takes([take("1", *offers)], [many, free])) == {"1": "b"}
    assert bound(place_takes([take("1", *offers), take("2", *offers)], [many, free])) == {"1": "b"}
    assert bound(place_takes([take("1", *offers[:1])], [many, free])) == {"1": "a"}
    decided = place_takes([take("1", *offers)], [many, few])
    assert decided.reckoned["1", "", 1].until is None, "nobody knows how long they run"


X, Y = offer("a", 1, "x", load_s=5), offer("a", 1, "y", load_s=5)
LOADED = Place("a", loaded=frozenset("x"))


def test_what_is_loaded_goes_first() -> None:
    decided = place_takes([take("y", Y), take("x", X)], [LOADED])
    assert [one.key[0] for one in decided.bound] == ["x", "y"]
    assert decided.bound[0].why == "placed_loaded"
    late = decided.reckoned["y", "", 1].until
    assert late is not None
    assert late.usual == 1 + 5 + 1


@pytest.mark.parametrize(
    "first",
    [
        take("y", Y, moved=True),
        take("y", Y, passed=USUAL.passes),
        take("y", Y, passed_s=USUAL.passed_s),
        take("y", Y, user_id="ben", turn=-2),
    ],
    ids=["moved", "passed often", "passed for long", "another user's"],
)
def test_what_is_loaded_does_not_go_before(first: Waiting) -> None:
    decided = place_takes([first, take("x", X)], [LOADED])
    assert [one.key[0] for one in decided.bound] == ["y", "x"]
    between = place_takes([take("y1", Y), first, take("x", X)], [LOADED])
    assert between.bound[0].key[0] == "y1", "nor before one that is between"


def test_what_is_loaded_goes_before_another_user_by_one_take() -> None:
    decided = place_takes([take("y", Y, user_id="ben"), take("x", X, turn=1)], [LOADED])
    assert decided.bound[0].key[0] == "x"


def test_a_higher_priority_is_not_passed_for_a_model() -> None:
    urgent = Waiting(("y", "", 1), "anna", 1, 0, [Y])
    assert place_takes([urgent, take("x", X)], [LOADED]).bound[0].key[0] == "y"


@pytest.mark.parametrize("load_s", [5, 0], ids=["known", "not known"])
def test_a_warm_place_is_preferred_to_a_cold_one(load_s: float) -> None:
    places = [Place("cold", idle_s=9, loaded=frozenset("y")), Place("unknown", idle_s=9), LOADED]
    offers = [offer(one.name, 4, "x", load_s=load_s) for one in places]
    assert bound(place_takes([take("1", *offers)], places)) == {"1": "a"}
