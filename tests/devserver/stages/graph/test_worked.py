"""How long a take was worked on, by servers one after the other, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.model.rows import TakeRow
from devserver.stages.graph.worked import Worked
from devserver.stages.walk import Walk
from devserver.system.clock import Clock
from tests.patience import PATIENCE_S


class Hand(Clock):
    seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(walk: Walk) -> Hand:
    made = Hand()
    walk.tools = replace(walk.tools, clock=made)
    return made


async def begin(walk: Walk, seconds: float = 0.0) -> Worked:
    place = walk.place("generation", 1)
    await walk.ledger.write(lambda writing: writing.begin_take(place))
    return Worked(walk, place, seconds)


async def kept(walk: Walk) -> float:
    row = await walk.read(lambda reading: reading.stage(walk.place("generation", 1)))
    assert isinstance(row, TakeRow)
    return row.worked_s


async def test_only_the_time_within_its_turns_counts(walk: Walk, clock: Hand) -> None:
    worked = await begin(walk, 5.0)
    for seconds in (2, 3):
        async with worked.within(60):
            clock.seconds += seconds
            assert worked.seconds == 5.0 + seconds + (2 if seconds == 3 else 0)
        clock.seconds += 1000
    assert worked.seconds == 10.0


async def break_off(worked: Worked, clock: Hand, error: BaseException) -> None:
    """Work for two seconds, then end by an error."""
    async with worked.within(60):
        clock.seconds += 2
        raise error


async def test_what_a_server_worked_until_it_stopped_is_in_the_journal(walk: Walk, clock: Hand) -> None:
    worked = await begin(walk, 5.0)
    with pytest.raises(asyncio.CancelledError):
        await break_off(worked, clock, asyncio.CancelledError())
    assert await kept(walk) == 7.0


async def test_the_limit_counts_what_earlier_servers_worked(walk: Walk) -> None:
    limit_s = 10 * PATIENCE_S
    worked = await begin(walk, limit_s)

    async def work() -> None:
        async with worked.within(limit_s):
            await asyncio.Event().wait()

    working = asyncio.create_task(work())
    done, _ = await asyncio.wait({working}, timeout=PATIENCE_S)
    assert [type(one.exception()) for one in done] == [TimeoutError]


async def test_a_walk_that_has_lost_its_run_ends_by_its_own_error(walk: Walk, clock: Hand) -> None:
    worked = await begin(walk)
    await walk.tools.journal.begin_run(walk.run.run_id)
    with pytest.raises(ZeroDivisionError):
        await break_off(worked, clock, ZeroDivisionError())
    assert await kept(walk) == 0.0
