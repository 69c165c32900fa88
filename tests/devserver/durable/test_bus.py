from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from devserver.durable.bus import LAGGED, QUEUE_LIMIT, Bus
from devserver.model.events import Event, Progress, RunEnded, RunWarning
from devserver.system.clock import Clock


class HeldClock(Clock):
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def event(run_id: str, seq: int = 1) -> Event:
    return Event(seq, run_id, "", 0, 0, "", RunWarning())


async def test_a_listener_hears_its_run_alone_and_one_hears_all() -> None:
    bus = Bus(Clock())
    mine, every = bus.subscribe("a"), bus.subscribe()
    bus.publish(event("b", 1))
    bus.publish(event("a", 2))
    assert await anext(mine) == event("a", 2)
    assert [await anext(every), await anext(every)] == [event("b", 1), event("a", 2)]


async def test_progress_goes_out_five_times_a_second_for_each_run() -> None:
    clock = HeldClock()
    bus = Bus(clock)
    heard = bus.subscribe()
    for hundredth in range(100):
        clock.seconds = hundredth / 100
        bus.tell("a", Progress(fraction=clock.seconds))
        bus.tell("b", Progress(fraction=clock.seconds))
    await asyncio.sleep(0)
    told = [await anext(heard) for _ in range(10)]
    assert sorted(str(e.run_id) for e in told if isinstance(e, Event)) == ["a"] * 5 + ["b"] * 5
    assert all(e.seq is None for e in told if isinstance(e, Event))


async def test_a_slow_listener_is_told_that_it_lags() -> None:
    bus = Bus(Clock())
    heard = bus.subscribe("a")
    for seq in range(QUEUE_LIMIT + 1):
        bus.publish(event("a", seq))
    await asyncio.sleep(0)
    assert await anext(heard) is LAGGED


async def test_closing_ends_the_iteration_also_for_who_waits() -> None:
    bus = Bus(Clock())
    heard = bus.subscribe("a")
    waiting = asyncio.ensure_future(anext(heard, None))
    await asyncio.sleep(0)
    heard.close()
    assert await waiting is None


async def test_whoever_waits_for_an_end_hears_nothing_else_and_is_told_no_places() -> None:
    bus = Bus(Clock())
    waits = bus.subscribe("a")
    assert bus.listened_to() == {"a"}
    waits.hears_only("run.ended")
    assert bus.listened_to() == set()
    assert not bus.hears_everything
    end = Event(3, "a", "", 0, 0, "", RunEnded(status="success", url="/api/runs/a"))
    for one in (event("a", 1), event("a", 2), end):
        bus.publish(one)
    assert await anext(waits) == end
    bus.subscribe()
    assert bus.hears_everything


async def test_an_event_that_nobody_hears_does_not_wake_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    bus, woken = Bus(Clock()), list[object]()
    bus.subscribe("a").hears_only("run.ended")
    with monkeypatch.context() as patched:
        patched.setattr(asyncio.get_running_loop(), "call_soon_threadsafe", lambda *args: woken.append(args))
        bus.publish(event("a"))
        assert woken == []
        bus.subscribe("a")
        bus.publish(event("a"))
        assert len(woken) == 1
