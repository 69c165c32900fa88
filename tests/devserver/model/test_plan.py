"""What a run was planned as, and what follows from it for takes that were not planned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.plan import MediaStage, Option, Plan, StagePlan, read_plan, write_plan
from devserver.model.results import TextResult
from tests.devserver.plans import plan

Planned = Callable[..., Plan]


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Planned:
    return lambda **body: plan(definitions, exports, database, **{"output_config": "procedural_instrumental", **body})


@pytest.fixture
def option(planned: Planned) -> Option:
    return planned(seed=5, brief={"variations": 2}).outputs[0].options[0]


def test_a_take_that_was_not_planned_has_the_values_of_the_first_with_seeds_of_its_own(option: Option) -> None:
    values = [option.values_of(take) for take in (1, 2, 3, 4)]
    assert [one["seed"] for one in values] == [5, 6, 7, 8]
    assert len({str({**one, "seed": None}) for one in values}) == 1


def test_a_seed_goes_round_within_its_range(option: Option) -> None:
    low, high = option.chunk.parameters["seed"].rule.seed_range
    last = option.model_copy(update={"takes": ({**option.takes[0], "seed": high},)})
    assert last.values_of(2)["seed"] == low


def test_changes_are_taken_for_parameters_that_the_chunk_has(option: Option) -> None:
    values = option.values_of(3, {"seconds": 2, "unknown": 1})
    assert (values["seconds"], "unknown" in values) == (2, False)
    assert option.values_of(1, {"seed": 99})["seed"] == 99


def test_a_plan_is_read_as_it_was_written_with_what_is_recorded_of_the_first_run(planned: Planned) -> None:
    first = planned().model_copy(update={"recorded": {"interception": TextResult(text="y", rule="plain")}})
    again = read_plan(first.model_dump_json(by_alias=True))
    assert again.model_dump() == first.model_dump()
    assert again.recorded["interception"].as_json() == {"text": "y", "rule": "plain"}
    assert [type(stage) for stage in again.stages] == [type(stage) for stage in first.stages]
    assert {type(stage) for stage in again.stages} == {StagePlan, MediaStage}


def test_a_plan_with_a_field_that_nobody_knows_is_refused(planned: Planned) -> None:
    with pytest.raises(ValidationError, match="extra"):
        Plan.model_validate({**planned().model_dump(by_alias=True), "surprise": 1})


def test_files_of_further_takes_come_after_all_that_were_planned(planned: Planned) -> None:
    made = planned(output_config=["procedural_instrumental", "silence_mp3"])
    assert made.number_of("generation", "main") == 7
    first, second = (made.number_of(name, "take") for name in ("generation", "generation_2"))
    assert max(made.numbers.values()) < first < second


def test_a_request_that_says_nothing_of_a_fallback_allows_one(planned: Planned) -> None:
    assert [planned(**asked).fallback for asked in ({}, {"fallback": True}, {"fallback": False})] == [True, True, False]


def test_what_is_made_of_an_output_is_not_an_output(planned: Planned) -> None:
    made = planned(formats=["flac", "mp3"])
    assert [stage.name for stage in made.media] == ["generation", "generation_mp3"]
    assert [stage.output.converts for stage in made.media] == [False, True]
    assert ([output.config for output in made.outputs], made.main_stage) == (["procedural_instrumental"], "generation")


def test_a_plan_is_what_is_read_back_of_it(planned: Planned, definitions: Definitions) -> None:
    """So a walk may go on with the plan as it was made, and its chunks and graphs are never changed."""
    from_files = {"acestep15_cover", "acestep_remix", "mastered_recording", "recording_video", "stems_preview"}
    for output in definitions.catalog.outputs.keys() - from_files - {"wan22_image_to_video"}:
        made = planned(output_config=output, safety_level="adult")
        assert Plan.model_validate_json(write_plan(made)) == made
        assert read_plan(write_plan(made)) is made
