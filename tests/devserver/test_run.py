"""The walk of a run from its first stage to its end, over a stop."""

from __future__ import annotations

import asyncio
import json

from devserver.files.exports import RECORD
from devserver.model.results import StageResult
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.devserver.walked import FIRST, LAST, Walked
from tests.patience import PATIENCE_S


async def test_each_stage_reads_what_the_one_before_it_made_and_the_record_is_final(walked: Walked) -> None:
    row = await walked.walk()
    assert (row.state, row.error, walked.kind.ran) == ("success", None, [FIRST, LAST])
    told = json.loads(walked.app.exports.file(RUN_ID, RECORD).read_bytes())
    assert told["status"] == "success"
    assert [stage["result"]["text"] for stage in told["stages"]] == [f"x {FIRST}", f"x {FIRST} {LAST}"]


async def test_after_a_stop_a_walk_goes_on_with_the_stage_that_had_not_ended(walked: Walked) -> None:
    begun = asyncio.Event()

    async def hang(walk: Walk) -> StageResult:
        await walk.ledger.flush()
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    walked.script(LAST, hang)
    stopped = asyncio.create_task(walked.walk())
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    stopped.cancel()
    await asyncio.wait({stopped})
    assert not await walked.app.journal.has_ended(RUN_ID)
    walked.kind.scripts.clear()
    assert (await walked.walk()).state == "success"
    assert walked.kind.ran == [FIRST, LAST, LAST]
    assert (await walked.walk()).generation == 2, "an ended run is not walked"


async def test_a_run_that_was_cancelled_before_its_walk_runs_no_stage(walked: Walked) -> None:
    await walked.app.journal.write(lambda writing: writing.ask_cancel(RUN_ID))
    assert (await walked.walk()).state == "cancelled"
    assert walked.kind.ran == []
