"""Which runs are walked, once each; what a stop, a cancel and a walk that breaks off do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from devserver.durable.patience import USUAL_S, patience, patience_s
from devserver.durable.sqlite import SqliteDatabase
from devserver.model.rows import Place
from devserver.runs import dispatch
from devserver.runs.dispatch import Dispatcher
from tests.devserver.plans import AT, RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce
from tests.patience import PATIENCE_S

OTHER, THIRD = "20240201-000000-00000002", "20240202-000000-00000003"


class Walks:
    """Walks that go on until the test ends them; each is claimed as a real one is."""

    def __init__(self, journal: JournalAtOnce) -> None:
        self._journal, self.begun = journal, list[str]()
        self.cancelled = dict[str, asyncio.Event]()
        self.patience = list[float]()
        self.breaks = 0
        self.claimed, self.may_end = asyncio.Event(), asyncio.Event()
        self._happened = asyncio.Event()

    async def walk(self, run_id: str, cancelled: asyncio.Event) -> None:
        self.begun.append(run_id)
        self.cancelled[run_id] = cancelled
        self.patience.append(patience_s())
        self._happened.set()
        if self.breaks:
            self.breaks -= 1
            raise ZeroDivisionError
        row = await self._journal.journal.begin_run(run_id)
        self.claimed.set()
        await self.may_end.wait()
        self._journal.end_run(Place(run_id, row.generation), "success", AT, None)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.begun) < count:
                self._happened.clear()
                await self._happened.wait()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database be one that other processes use too."""
    monkeypatch.setattr(SqliteDatabase, "shared", True)


def accept(journal: JournalAtOnce, run_id: str) -> None:
    journal.add_run(
        run_id,
        user_id="local",
        title="x",
        schema="plain",
        output_config="o",
        plan="{}",
        created_at=AT,
    )


@pytest.fixture
def walks(journal: JournalAtOnce) -> Walks:
    return Walks(journal)


@pytest.fixture
async def dispatcher(journal: JournalAtOnce, walks: Walks) -> AsyncIterator[Dispatcher]:
    made = Dispatcher(journal.journal, walks.walk)
    yield made
    await made.stop()


async def test_a_start_takes_up_what_has_not_ended_the_oldest_first(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks
) -> None:
    add_run(journal, OTHER, "2024-02-01T00:00:00.000Z")
    add_run(journal)
    journal.end_run(add_run(journal, THIRD), "failed", AT, None)
    await dispatcher.start()
    await walks.until(2)
    assert (walks.begun, dispatcher.walking) == ([RUN_ID, OTHER], 2)


async def test_a_run_is_walked_once_however_often_it_is_submitted(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks
) -> None:
    add_run(journal)
    dispatcher.submit(RUN_ID)
    assert dispatcher.walking == 0, "before the start nothing is walked"
    await dispatcher.start()
    for _ in range(3):
        dispatcher.submit(RUN_ID)
    await walks.until(1)
    await asyncio.sleep(0)
    assert walks.begun == [RUN_ID]


async def test_a_walk_has_nothing_of_the_request_that_it_came_with(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks
) -> None:
    await dispatcher.start()
    add_run(journal)
    with patience(0.5):
        dispatcher.submit(RUN_ID)
    await walks.until(1)
    assert walks.patience == [USUAL_S]


async def test_a_cancel_reaches_the_walk_and_the_journal(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks
) -> None:
    journal.end_run(add_run(journal, OTHER), "success", AT, None)
    add_run(journal)
    await dispatcher.start()
    await walks.until(1)
    assert await dispatcher.cancel(RUN_ID)
    await asyncio.wait_for(walks.cancelled[RUN_ID].wait(), PATIENCE_S)
    assert journal.run(RUN_ID).cancel
    assert not await dispatcher.cancel(OTHER)


async def test_a_run_that_another_process_has_taken_over_is_left_once(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks, caplog: pytest.LogCaptureFixture
) -> None:
    add_run(journal)
    await dispatcher.start()
    await walks.until(1)
    for _ in range(3):  # each heartbeat says it
        dispatcher.lose(RUN_ID)
    async with asyncio.timeout(PATIENCE_S):
        while dispatcher.walking:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)
    assert caplog.text.count("is walked by another worker now") == 1
    assert not journal.has_ended(RUN_ID)


async def test_a_stop_leaves_the_runs_unfinished_and_is_not_held_against_them(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks
) -> None:
    add_run(journal)
    await dispatcher.start()
    await asyncio.wait_for(walks.claimed.wait(), PATIENCE_S)
    stage = Place(RUN_ID, journal.run(RUN_ID).generation, "safety_input")
    journal.begin_stage(stage, at_work=True)
    await dispatcher.stop()
    assert (journal.unfinished(), dispatcher.walking, journal.leases.held) == ([RUN_ID], 0, {})
    assert journal.stage(stage).at_work is None
    dispatcher.submit(RUN_ID)
    assert dispatcher.walking == 0


async def test_a_walk_that_breaks_off_is_taken_up_again_until_it_does_not(
    journal: JournalAtOnce, dispatcher: Dispatcher, walks: Walks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "FIRST_PAUSE_S", 0.001)
    walks.breaks = 3
    walks.may_end.set()
    add_run(journal)
    await dispatcher.start()
    await walks.until(4)
    async with asyncio.timeout(PATIENCE_S):
        while not journal.has_ended(RUN_ID):  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)
    assert walks.begun == [RUN_ID] * 4


async def test_where_others_walk_too_no_more_are_taken_up_than_there_is_room_for(
    journal: JournalAtOnce, walks: Walks, shared: None
) -> None:
    del shared
    dispatcher = Dispatcher(journal.journal, walks.walk, 2)
    accept(journal, RUN_ID)
    await dispatcher.start()
    await asyncio.wait_for(walks.claimed.wait(), PATIENCE_S)
    for run_id in (OTHER, THIRD):
        accept(journal, run_id)
    dispatcher.wake()
    await walks.until(2)
    await asyncio.sleep(2 * dispatch.MOST_HANDICAP_S)
    assert walks.begun == [RUN_ID, OTHER]
    walks.may_end.set()
    await walks.until(3)
    await dispatcher.stop()


async def test_a_process_that_only_accepts_takes_up_nothing(journal: JournalAtOnce, walks: Walks, shared: None) -> None:
    del shared
    dispatcher = Dispatcher(journal.journal, walks.walk, 0)
    accept(journal, RUN_ID)
    await dispatcher.start()
    dispatcher.wake()
    await asyncio.sleep(2 * dispatch.MOST_HANDICAP_S)
    await dispatcher.stop()
    assert walks.begun == []
