from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from devserver.durable.bus import QUEUE_LIMIT, Bus
from devserver.model.events import Event, OtherData
from devserver.runs.answer import Answer
from devserver.runs.waiting import Waiting
from devserver.system.clock import Clock
from tests.patience import PATIENCE_S

RUN_ID = "20240131-235959-1f2e3d4c"


class Run:
    """One run that ends when the test says so, and the waiting for it."""

    def __init__(self) -> None:
        self.bus, self.state = Bus(Clock()), "running"
        self.before_read: Callable[[], None] = lambda: None  # called as it is read whether the run has ended
        self.waiting = Waiting(self.bus, self.has_ended, self.answer)

    async def has_ended(self, run_id: str) -> bool:
        assert run_id == RUN_ID
        ended = self.state != "running"
        self.before_read()
        return ended

    async def answer(self, run_id: str) -> Answer:
        return Answer(200 if self.state != "running" else 202, {"run_id": run_id, "status": self.state})

    def tell(self, kind: str) -> None:
        self.bus.publish(Event(1, RUN_ID, "", 0, 0, "2030-01-01T00:00:00Z", OtherData.of(kind, {})))

    def end(self) -> None:
        self.state = "success"
        self.tell("run.ended")


@pytest.fixture
def run() -> Run:
    return Run()


async def wait(run: Run, timeout_s: float = PATIENCE_S) -> Answer:
    async with asyncio.timeout(PATIENCE_S):
        return await run.waiting.for_answer(RUN_ID, timeout_s)


async def test_a_run_that_has_ended_is_not_waited_for(run: Run) -> None:
    run.state = "failed"
    assert (await wait(run)).body["status"] == "failed"


async def test_an_end_that_comes_between_the_look_and_the_waiting_is_not_missed(run: Run) -> None:
    run.before_read = run.end
    assert (await wait(run)).status == 200


async def test_other_events_are_no_end(run: Run) -> None:
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        loop.call_soon_threadsafe(looked.set)

    run.before_read = tell
    waiting = asyncio.create_task(wait(run))
    await looked.wait()
    run.tell("stage.started")
    await asyncio.sleep(0)
    assert not waiting.done()
    run.end()
    assert (await waiting).ended


async def test_who_has_missed_events_looks_again(run: Run) -> None:
    """The end is among the events that were dropped because too many came at once."""

    def drop_the_end() -> None:
        run.end()
        for _ in range(QUEUE_LIMIT):
            run.tell("stage.started")

    run.before_read = drop_the_end
    assert (await wait(run)).status == 200


async def test_when_the_time_is_up_the_answer_is_as_of_now(run: Run) -> None:
    assert (await wait(run, 0.01)).status == 202
    assert run.bus.listening == 0


async def test_a_server_that_stops_answers_all_who_wait(run: Run) -> None:
    reading = threading.Event()
    run.before_read = reading.set
    waiting = [asyncio.create_task(wait(run)) for _ in range(3)]
    await asyncio.to_thread(reading.wait, PATIENCE_S)
    run.waiting.close()
    assert [answer.status for answer in await asyncio.gather(*waiting)] == [202, 202, 202]
    assert run.bus.listening == 0
