from __future__ import annotations

from dataclasses import replace

from devserver.runs import record
from devserver.runs.answer import answer
from devserver.runs.ended import KEPT, Ended
from devserver.stages.walk import Walk


async def test_a_run_that_has_just_ended_is_answered_as_the_journal_would(walk: Walk) -> None:
    ended, run_id = Ended(), walk.run.run_id
    assert ended.answer(run_id) is None
    await walk.warn(walk.place(), "something", code="told")
    await record.finish(walk, "success", None, ended.keep)
    row = await walk.tools.journal.run(run_id)
    assert row is not None
    told = await walk.tools.journal.read(lambda reading: answer(reading, row))
    assert told.ended
    assert ended.answer(run_id) == told


async def test_only_the_last_ones_are_kept(walk: Walk) -> None:
    ended, contents = Ended(), record.Contents([], [], [], [])
    rows = [replace(walk.run, run_id=f"20240131-235959-{number:08x}", state="failed") for number in range(KEPT + 1)]
    for row in rows:
        ended.keep(row, contents)
    assert [ended.answer(row.run_id) is None for row in rows] == [True] + [False] * KEPT
