"""What is answered of a run, from the journal alone."""

from __future__ import annotations

from devserver.durable.search import Wanted
from devserver.model.failure import Failure
from devserver.model.results import TextResult
from devserver.runs import record
from devserver.runs.answer import Answer, answer, detail, summaries
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID
from tests.doubles.entities import make_entity


async def told(walk: Walk) -> Answer:
    journal = walk.tools.journal
    row = await journal.run(RUN_ID)
    assert row is not None
    return await journal.read(lambda reading: answer(reading, row))


async def end(walk: Walk) -> None:
    """End the run, after a text and a file."""
    place = walk.place("interception")
    await walk.ledger.write(lambda writing: writing.begin_stage(place))
    await walk.ledger.end(place, "success", TextResult(text="y"))
    await walk.ledger.add_event(walk.place("generation", 1), make_entity(), key="07_output_audio.mp3")
    await walk.warn(walk.place("generation"), "z", code="fallback")
    await record.finish(walk, "success", None)


async def test_a_run_that_goes_on_is_answered_with_where_to_look(walk: Walk) -> None:
    found = await told(walk)
    assert (found.status, found.ended, found.body["status"]) == (202, False, "running")
    assert set(found.body) == {"status", "run_id", "schema", "links"}
    assert found.body["links"]["events"] == f"/api/runs/{RUN_ID}/events"


async def test_one_that_has_ended_is_answered_with_all_that_it_made(walk: Walk) -> None:
    await end(walk)
    found = await told(walk)
    assert (found.status, found.ended, found.body["final_output"]) == (200, True, "y")
    assert found.body["media_output"]["url"] == f"/api/media/audio/{RUN_ID}"
    assert [warning["code"] for warning in found.body["warnings"]] == ["fallback"]


async def test_a_failure_answers_with_its_own_status(walk: Walk) -> None:
    await record.finish(walk, "failed", Failure(code="run_timeout", status=504))
    found = await told(walk)
    assert (found.status, found.body["error"]) == (504, {"code": "run_timeout"})


async def test_a_page_of_a_run_is_its_record_with_addresses(walk: Walk) -> None:
    await end(walk)
    journal = walk.tools.journal
    row = await journal.run(RUN_ID)
    assert row is not None
    page = await journal.read(lambda reading: detail(reading, row))
    kept = await journal.read(lambda reading: record.build(row, record.read_contents(reading, row.run_id)))
    assert page.as_json().items() >= kept.as_json().items()
    assert [one.url for one in page.media] == [f"/api/media/audio/{RUN_ID}"]


async def test_a_list_has_each_run_with_its_files(walk: Walk) -> None:
    await end(walk)
    search = walk.tools.journal.search
    wanted = Wanted(user_id="local", limit=5)
    (found,) = await walk.read(lambda reading: summaries(reading, search.find(reading.tx, wanted)))
    assert (found.run_id, found.status, [one.filename for one in found.media]) == (
        RUN_ID,
        "success",
        ["07_output_audio.mp3"],
    )
    assert await walk.read(lambda reading: summaries(reading, [])) == []
