"""A journal that was lost comes back from the records: the same files, results, warnings and measurements."""

from __future__ import annotations

import asyncio
import json

from devserver.durable.bus import Bus
from devserver.durable.journal import Journal
from devserver.durable.opening import open_database
from devserver.files.exports import RECORD, Exports
from devserver.model.events import Measurement, RunWarning
from devserver.model.failure import Failure
from devserver.model.record import Record
from devserver.model.results import AttemptResult, GraphResult, TakeResult, TextResult
from devserver.runs import record
from devserver.runs.rebuild import rebuild
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.doubles.entities import make_entity


async def fill(walk: Walk) -> None:
    """Leave something of every kind in the journal."""
    journal = walk.tools.journal
    await journal.write(lambda writing: writing.begin_stage(walk.place("interception")))
    await journal.write(lambda writing: writing.end(walk.place("interception"), "success", TextResult(text="y")))
    await journal.write(lambda writing: writing.begin_stage(walk.place("generation")))
    take, attempt = walk.place("generation", 1), walk.place("generation", 1, 1)
    await journal.write(lambda writing: writing.begin_take(take))
    await journal.write(
        lambda writing: writing.note(take, TakeResult(config_used="silence_mp3", values={"seconds": 1.0}))
    )
    await journal.write(lambda writing: writing.begin_attempt(attempt, backend="gpu", prompt_id="p"))
    lost = AttemptResult(error=Failure(code="prompt_lost", message="gone"))
    await journal.write(lambda writing: writing.end(attempt, "lost", lost))
    await journal.write(lambda writing: writing.end(walk.place("generation"), "success", GraphResult(takes=1)))
    await journal.add_event(take, make_entity(), key="07_output_audio.mp3")
    await journal.add_event(take, Measurement(name="tempo_bpm", asked=90, heard=91.5), key="tempo_bpm")
    await journal.add_event(walk.place("generation"), RunWarning(code="fallback", message="y"), key="fallback")


async def test_the_record_of_a_rebuilt_journal_is_the_one_it_was_built_from(walk: Walk, exports: Exports) -> None:
    await fill(walk)
    await record.finish(walk, "failed", Failure(code="x", message="no", status=502))
    before = json.loads(exports.file(RUN_ID, RECORD).read_bytes())
    (exports.folder(RUN_ID) / "01_config.json").write_text(walk.plan.model_dump_json(by_alias=True))
    database = await asyncio.to_thread(open_database, exports.root.parent / "rebuilt.sqlite")
    journal = Journal(database, walk.tools.clock, Bus(walk.tools.clock))
    assert await rebuild(journal, exports) == (1, [])
    row = await journal.run(RUN_ID)
    assert row is not None
    again = await journal.read(lambda reading: record.build(row, record.read_contents(reading, row.run_id)))
    assert again == Record.model_validate(before)
    assert [measured.name for measured in again.measurements] == ["tempo_bpm"]
    await asyncio.to_thread(database.close)
