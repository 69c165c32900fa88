from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.fleet_rules import (
    Card,
    Take,
    always_the_first,
    best_s,
    least_queued,
    loads_in_order,
    pull,
    round_robin,
)

ROOT = Path(__file__).parents[2]
FAST_AND_SLOW = [Card(3.0), Card()]
SIX = [Take(6.0)] * 6


def test_the_best_of_equal_takes_is_exact() -> None:
    assert best_s([Card()] * 8, [Take(4.0)] * 40) == 20
    assert best_s(FAST_AND_SLOW, SIX) == 10  # one of them on the slow card
    assert best_s(FAST_AND_SLOW, SIX[:2]) == 4
    killed_and_added = [Card(until_s=30.0), Card(), Card(from_s=40.0)]
    assert best_s(killed_and_added, [Take(8.0)] * 9) == 48  # three before it was killed, five and one beside them


def test_the_best_of_different_takes_is_what_nothing_can_be_faster_than() -> None:
    assert best_s(FAST_AND_SLOW, [Take(2.0), Take(6.0), Take(8.0)]) == 4  # all work by all speeds
    assert best_s(FAST_AND_SLOW, [Take(2.0), Take(12.0)]) == 4  # the longest by the fastest


def test_the_best_with_loads_leaves_models_where_they_are() -> None:
    cards = [Card(load_s=5.0)] * 2
    takes = [Take(1.0, model) for model in ("a", "b", "c")] * 20
    assert best_s(cards, takes) == 40  # two models on each: one of its own, and the third of both
    assert loads_in_order(cards, takes) == 60


def test_plain_rules() -> None:
    assert always_the_first(FAST_AND_SLOW, SIX) == 12
    assert round_robin(FAST_AND_SLOW, SIX) == 18
    assert pull(FAST_AND_SLOW, SIX) == 12  # the slow card takes a second one when it is free
    assert least_queued([Card(from_s=60.0, busy=1), Card()], SIX) == 78
    assert pull([Card(until_s=10.0), Card()], SIX[:3]) == 12  # what is cut off is made again


def test_a_scene_is_played_by_a_real_server_and_real_hosts() -> None:
    command = [sys.executable, "-m", "benchmarks.fleet", "--quick", "--only", "stranger"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "a stranger's 15 s prompt on one of two" in done.stdout, done.stderr
    assert "made 0 : 6" in done.stdout


def test_an_unknown_scene_is_refused_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "benchmarks.fleet", "--only", "race"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--only names race; there are equal1," in done.stderr
