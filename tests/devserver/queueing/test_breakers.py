"""A backend at which takes fail that others make is given nothing for a while, then one to see."""

from __future__ import annotations

import pytest

from devserver.queueing.breakers import FAULTS_ALLOWED, FIRST_PAUSE_S, Breakers
from devserver.queueing.tickets import Key
from devserver.system.clock import Clock


class HeldClock(Clock):
    """A clock that stands until it is moved on."""

    def __init__(self) -> None:
        self._now_s = 1000.0

    def monotonic(self) -> float:
        return self._now_s

    def pass_time(self, seconds: float) -> None:
        self._now_s += seconds


def take(number: int) -> Key:
    return f"20240131-2359{number:02d}-00000000", "generation", 1


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def breakers(clock: HeldClock) -> Breakers:
    return Breakers(clock)


def fail(breakers: Breakers, times: int, *, first: int = 0) -> None:
    """Let takes fail at the sick one that the well one makes."""
    for number in range(first, first + times):
        breakers.note_failed(take(number), "song", "sick", "CUDA error")
        breakers.note_made(take(number), "well")


def test_a_failed_take_puts_its_backend_under_suspicion_for_its_output_alone(breakers: Breakers) -> None:
    breakers.note_failed(take(1), "song", "gpu", "CUDA error")
    assert breakers.refuses("gpu", "song")
    assert not breakers.refuses("gpu", "film")
    assert not breakers.refuses("other", "song")
    assert breakers.is_watched("gpu")
    breakers.note_made(take(1), "other")
    assert not breakers.refuses("gpu", "song")
    assert not breakers.is_watched("gpu"), "one fault is no sickness"


def test_a_take_that_fails_everywhere_is_to_blame_itself(breakers: Breakers) -> None:
    for number in range(3 * FAULTS_ALLOWED):
        for backend in ("one", "other"):
            breakers.note_failed(take(number), "song", backend, "bad graph")
        breakers.note_given_up(take(number))
    assert breakers.accepts("one")
    assert breakers.accepts("other")
    assert not breakers.refuses("one", "song")


def test_after_three_faults_it_is_put_aside_and_probed_after_growing_pauses(
    breakers: Breakers, clock: HeldClock
) -> None:
    fail(breakers, FAULTS_ALLOWED)
    assert breakers.accepts("sick")
    fail(breakers, 1, first=FAULTS_ALLOWED)
    assert not breakers.accepts("sick")
    assert breakers.again_in_s() == FIRST_PAUSE_S
    clock.pass_time(FIRST_PAUSE_S)
    assert breakers.accepts("sick")
    assert breakers.is_watched("sick"), "one take is to see"
    breakers.note_failed(take(9), "film", "sick", "CUDA error")
    assert breakers.again_in_s() == 2 * FIRST_PAUSE_S


def test_a_take_that_it_makes_ends_it(breakers: Breakers, clock: HeldClock) -> None:
    fail(breakers, FAULTS_ALLOWED + 1)
    clock.pass_time(FIRST_PAUSE_S)
    breakers.note_made(take(9), "sick")
    assert breakers.accepts("sick")
    assert not breakers.is_watched("sick")
    fail(breakers, FAULTS_ALLOWED, first=20)
    assert breakers.accepts("sick"), "it is counted from anew"
