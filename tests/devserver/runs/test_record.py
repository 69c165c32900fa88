from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devserver.errors import Fenced
from devserver.files.exports import RECORD, Exports
from devserver.model.failure import Failure
from devserver.runs import record
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID


def status(exports: Exports) -> str:
    return str(json.loads(exports.file(RUN_ID, RECORD).read_bytes())["status"])


async def test_the_record_is_final_before_the_journal_tells_of_the_end(walk: Walk, exports: Exports) -> None:
    await record.finish(walk, "success", None)
    assert status(exports) == "success"
    assert await walk.tools.journal.has_ended(RUN_ID)


async def test_a_walk_that_lost_its_run_leaves_the_record_and_the_journal_alone(walk: Walk, exports: Exports) -> None:
    later = replace(walk, run=await walk.tools.journal.begin_run(RUN_ID))
    await record.write(walk.tools.journal, exports, RUN_ID)
    with pytest.raises(Fenced):
        await record.finish(walk, "failed", Failure(code="x"))
    assert status(exports) == "running"
    await record.finish(later, "success", None)
    assert status(exports) == "success"
