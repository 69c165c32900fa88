"""What is told of a run, from its row, its plan and what it has made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.answer import addresses, answer_ended, answer_started, media_of, status_of
from devserver.model.failure import Failure
from devserver.model.plan import Plan
from devserver.model.results import AttemptResult, StageResult, TakeResult
from devserver.model.rows import AttemptRow, PartRow, RunRow, StageRow, TakeRow
from tests.devserver.plans import AT, RUN_ID, plan
from tests.doubles.entities import make_entity

ENDED_AT = "2024-02-01T00:00:01.500Z"
ROW = RunRow(RUN_ID, "local", "success", AT, AT, ENDED_AT, "x", "plain", "o", "{}", None, 1, cancel=False)


def part(kind: Any, stage: str, take: int = 0, attempt: int = 0, **values: Any) -> Any:
    result = {StageRow: StageResult, TakeRow: TakeResult, AttemptRow: AttemptResult}[kind]()
    rest = {"backend": None, "prompt_id": None, "number": 1, "at_work": None, "stops": 0, "worked_s": 0.0}
    shown = {"state": "success", "started_at": AT, "ended_at": ENDED_AT, "result": result, **rest, **values}
    return kind(run_id=RUN_ID, stage=stage, take=take, attempt=attempt, **shown)


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Plan:
    return plan(definitions, exports, database, output_config="silence_mp3")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"state": "queued"}, 202),
        ({"state": "running"}, 202),
        ({}, 200),
        ({"state": "blocked"}, 403),
        ({"state": "cancelled"}, 409),
        ({"state": "failed"}, 500),
        ({"state": "failed", "error": Failure(code="x")}, 500),  # from before failures had a status
        ({"state": "failed", "error": Failure(code="x", status=507)}, 507),
    ],
)
def test_a_run_answers_with_the_status_of_its_end(changes: dict[str, Any], status: int) -> None:
    assert status_of(replace(ROW, **changes)) == status


def test_while_it_goes_on_a_run_has_no_more_than_where_to_look() -> None:
    told = answer_started(replace(ROW, state="running")).as_json()
    assert set(told) == {"status", "run_id", "schema", "links"}


def test_of_each_medium_the_main_file_is_at_the_bare_address_and_the_others_at_their_places() -> None:
    names = [("06_stem.flac", "stem", "audio"), ("07_a.mp3", "main", "audio"), ("08_b.mp4", "data", "video")]
    files = [make_entity(name, role=role, media=media) for name, role, media in names]
    assert addresses(RUN_ID, files) == {
        "06_stem.flac": f"/api/media/audio/{RUN_ID}/0",
        "07_a.mp3": f"/api/media/audio/{RUN_ID}",
        "08_b.mp4": f"/api/media/video/{RUN_ID}",
    }


def test_texts_and_graphs_are_no_media() -> None:
    files = [make_entity("02_input.txt", media="file"), make_entity()]
    assert [one.filename for one in media_of(RUN_ID, files)] == ["07_output_audio.mp3"]


def made(planned: Plan, *parts: PartRow, run: RunRow = ROW, files: int = 1) -> dict[str, Any]:
    return answer_ended(run, planned, parts, [make_entity()] * files, []).as_json()


def test_an_output_says_what_made_it_and_where_it_is(planned: Plan) -> None:
    decided = TakeResult(config_used="silence_mp3", variant="silence", values={"seconds": 3.0})
    take = part(TakeRow, "generation", 1, result=decided)
    attempts = [part(AttemptRow, "generation", 1, n, backend=f"gpu{n}", prompt_id=f"p{n}") for n in (1, 2)]
    told = made(planned, take, *attempts)
    assert told["media_output"] == told["media_outputs"][0]
    assert told["media_output"].items() >= {"take": 1, "status": "success", "media_stored": True}.items()
    assert told["media_output"]["url"] == f"/api/media/audio/{RUN_ID}"
    shown = told["media_output"]["metadata"]
    assert (shown["backend"], shown["prompt_id"], shown["attempts"]) == ("gpu2", "p2", 2)
    assert (shown["parameters"], told["execution_time"]) == ({"seconds": 3.0}, 2.5)


def test_an_output_that_was_not_begun_has_the_planned_values_and_the_state_of_its_run(planned: Plan) -> None:
    told = made(planned, run=replace(ROW, state="cancelled"), files=0)
    (output,) = told["media_outputs"]
    assert (output["status"], output["url"], output["media_stored"]) == ("cancelled", None, False)
    assert output["metadata"]["parameters"] == planned.outputs[0].options[0].takes[0]


def test_a_take_that_was_added_is_an_output_too(planned: Plan) -> None:
    told = made(planned, *(part(TakeRow, "generation", take) for take in (1, 2)))
    assert [output["take"] for output in told["media_outputs"]] == [1, 2]


def test_the_final_text_is_that_of_the_last_stage_that_made_one(planned: Plan) -> None:
    assert made(planned)["final_output"] == "x"
    texts = [part(StageRow, "interception", result=StageResult(text="y")), part(StageRow, "safety_output")]
    assert made(planned, *texts)["final_output"] == "y"
    stages = {one["name"]: one["state"] for one in made(planned, *texts)["metadata"]["stages"]}
    assert (stages["interception"], stages["generation"]) == ("success", "waiting")


def test_why_a_run_failed_is_told_without_the_status_that_it_answers_with(planned: Plan) -> None:
    told = made(planned, run=replace(ROW, state="failed", error=Failure(code="x", status=502)))
    assert told["error"] == {"code": "x"}
