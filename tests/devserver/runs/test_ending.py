"""How a run ends, by what its stages do; and walks that end where their run does not."""

from __future__ import annotations

import asyncio
import errno
from typing import Final

import pytest

from devserver.errors import Blocked, DatabaseGone, StageError
from devserver.errors.disk import JournalFault
from devserver.model.results import StageResult
from devserver.model.rows import Place
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.devserver.walked import FIRST, LAST, Walked, failing

NOT_TOLD: Final = StageError("no", code="node_failed", status=502, hint="look")


@pytest.mark.parametrize(
    ("error", "state", "code", "status"),
    [
        (NOT_TOLD, "failed", "node_failed", 502),
        (Blocked("no", rule="r", category="c", hint=""), "blocked", "blocked", 403),
        (ZeroDivisionError("ours"), "failed", "internal", 500),
    ],
)
async def test_a_run_ends_as_its_stage_does_and_says_where(
    walked: Walked, error: Exception, state: str, code: str, status: int
) -> None:
    walked.script(FIRST, failing(error))
    row = await walked.walk()
    assert row.error is not None
    assert (row.state, row.error.code, row.error.status, walked.kind.ran) == (state, code, status, [FIRST])
    assert row.error.stage == ("" if code == "internal" else FIRST)


async def test_a_cancelled_run_ends_its_stage_first(walked: Walked) -> None:
    ended: list[bool] = []

    async def work(walk: Walk) -> StageResult:
        walked.cancelled.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.extend([await walk.tools.journal.has_ended(RUN_ID) for _ in range(50)])
        raise AssertionError

    walked.script(FIRST, work)
    row = await walked.walk()
    assert (row.state, row.error and row.error.status, ended) == ("cancelled", 409, [False] * 50)
    stage = await walked.app.journal.stage(Place(RUN_ID, 1, FIRST))
    assert stage is not None
    assert stage.state == "cancelled"


async def test_a_walk_that_has_lost_its_run_ends_nothing(walked: Walked) -> None:
    async def lose(walk: Walk) -> StageResult:
        await walk.tools.journal.begin_run(RUN_ID)
        return StageResult(text="stale")

    walked.script(FIRST, lose)
    row = await walked.walk()
    assert (row.state, row.generation) == ("running", 2)
    assert await walked.app.journal.stage(Place(RUN_ID, 2, LAST)) is None


@pytest.mark.parametrize("error", [DatabaseGone("away"), JournalFault(errno.ENOSPC, "full")])
async def test_where_nothing_can_be_written_now_the_walk_ends_and_the_run_does_not(
    walked: Walked, error: Exception
) -> None:
    walked.script(FIRST, failing(error))
    with pytest.raises(type(error)):
        await walked.walk()
    assert not await walked.app.journal.has_ended(RUN_ID)
    walked.kind.scripts.clear()
    assert (await walked.walk()).state == "success"
