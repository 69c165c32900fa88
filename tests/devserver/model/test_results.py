"""Results are written in parts, merged, and read again with whatever another version wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import Blocked, StageError
from devserver.errors.sentences import say
from devserver.files.exports import Exports
from devserver.model.failure import Failure
from devserver.model.kept import Kept
from devserver.model.results import (
    AttemptResult,
    Retry,
    SafetyResult,
    StageResult,
    TakeResult,
    TextResult,
)
from devserver.model.rows import TakeRow
from schemas.values import RecordedValue
from tests.devserver.plans import add_run, plan
from tests.doubles.at_once import JournalAtOnce

VALUES: dict[str, RecordedValue] = {
    "seconds": 30.0,
    "seed": 7,
    "loop": True,
    "key": "5",
    "audio": {"sha256": "0" * 64, "ext": "wav"},
}
STORED: list[tuple[type[Kept], dict[str, Any]]] = [
    (StageResult, {}),
    (StageResult, {"reason": "safety_level is off"}),
    (StageResult, {"text": "x", "llm": {"endpoint": "e", "of_another_version": 1}}),
    (SafetyResult, {"allowed": True, "level": "kids", "found": [], "lists": {}, "check": {"made": False}}),
    (TakeResult, {"config_used": "a", "preset": None, "values": VALUES, "stars": 5}),
    (AttemptResult, {"backend": {"name": "b", "kind": "comfyui", "devices": [{}]}, "again": {"after": 1, "code": "x",
                     "waited_s": 0.5}, "nodes": [{"node": "3", "class_type": None, "started_at": "", "seconds": 0.1}]}),
    (Failure, {"code": "prompt_lost", "message": "it was lost"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "stored"), STORED)
def test_what_is_read_is_written_as_it_was(kind: type[Kept], stored: dict[str, Any]) -> None:
    assert kind.model_validate(stored).as_json() == stored


def test_values_keep_their_types() -> None:
    values = TakeResult(values=VALUES).values
    assert values is not None
    assert [type(value) for value in values.values()] == [float, int, bool, str, dict]


def test_a_part_that_was_decided_earlier_stays(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    journal.begin_take(place)
    journal.note(place, TakeResult(config_used="a", variant="b"))
    journal.end(place, "failed", TakeResult(error=Failure(code="x")))
    row = journal.stage(place)
    assert isinstance(row, TakeRow)
    assert (row.result.option, row.result.error) == (("a", "b"), Failure(code="x"))


def test_a_place_is_begun_as_what_it_is(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    with pytest.raises(TypeError, match="no attempt"):
        journal.begin_attempt(replace(place, take=1))


def test_the_error_of_a_stage_comes_back_from_the_journal() -> None:
    said = say("check_lacks_model", "h", level="kids", problem="No.")
    blocked = Blocked(said, rule="rain", category="weather", details={"terms": ["rain"]})
    again = StageError.from_failure(Failure.model_validate(blocked.as_failure().as_json()))
    assert isinstance(again, Blocked)
    assert (again.details, again.said, again.status) == (blocked.details, said, 403)


def test_a_plan_keeps_recorded_results_as_they_were_written(
    definitions: Definitions, exports: Exports, database: Database
) -> None:
    recorded = {"interception": TextResult(text="x", rule="plain"), "safety": StageResult.model_validate({"a": [1]})}
    written = (
        plan(definitions, exports, database)
        .model_copy(update={"recorded": recorded})
        .model_dump(include={"recorded"}, mode="json")
    )
    assert written == {"recorded": {"interception": {"text": "x", "rule": "plain"}, "safety": {"a": [1]}}}


def test_why_a_take_was_tried_again_says_only_what_happened() -> None:
    assert Retry(after=1, code="x", waited_s=0.0).as_json() == {"after": 1, "code": "x", "waited_s": 0.0}
