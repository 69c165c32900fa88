"""From a request to a plan: names, values, numbers of files."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from devserver.errors import InputError
from devserver.model.plan import Plan
from devserver.stages.planning import number_entities
from devserver.stages.text.safety import texts_of
from devserver.stages.walk import Walk
from tests.devserver.stages.songs import Planned, stage, written


def test_the_plan_survives_its_own_json(planned: Planned) -> None:
    plan = planned(output_config=["procedural_instrumental", "silence_mp3"], formats=["mp3"])
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_a_request_gives_values_to_a_stage_by_its_name(planned: Planned) -> None:
    plan = planned(params={"master.loudness": -16, "seconds": 5, "film.palette": "ember"})
    assert stage(plan, "master").output.options[0].takes[0]["loudness"] == -16
    assert stage(plan, "film").output.options[0].takes[0]["palette"] == "ember"
    assert stage(plan, "generation").output.options[0].takes[0]["seconds"] == 5


@pytest.mark.parametrize("name", ["palette", "master.palette", "film.audio", "film.palete"])
def test_a_value_that_no_stage_takes_is_refused(planned: Planned, name: str) -> None:
    with pytest.raises(InputError) as refused:
        planned(params={name: "x"})
    assert refused.value.field == f"params.{name}"


def test_a_wrong_name_for_a_stage_names_the_stage_and_its_own_parameters(planned: Planned) -> None:
    with pytest.raises(InputError) as refused:
        planned(params={"master.loudnes": -9})
    assert refused.value.message == "The stage master has no parameter 'loudnes'."
    assert refused.value.hint == "Did you mean master.loudness?"
    assert refused.value.allowed == [f"master.{name}" for name in ("ceiling", "format", "glue", "loudness", "tone")]


@pytest.mark.parametrize("name", ["master.loudness", "generation.bpm", "bpm"])
def test_a_value_that_is_out_of_range_is_refused_under_the_name_that_the_request_has(
    planned: Planned, name: str
) -> None:
    with pytest.raises(InputError) as refused:
        planned(params={name: 1e6})
    assert refused.value.field == f"params.{name}"


def test_a_main_stage_that_is_skipped_has_not_the_number_07(planned: Planned) -> None:
    plan = planned({"main": ["master", "generation"]})
    stages = [one.model_copy(update={"skip": "x" if one.name == "master" else ""}) for one in plan.stages]
    numbers = number_entities(stages, plan.main)
    assert numbers["generation/main"] == 7
    assert numbers["master/main"] > numbers["film/main"]
    skipped = plan.model_copy(update={"steps": (tuple(stages),)})
    assert skipped.main_stage == "generation"


def test_the_main_stages_of_the_first_output_come_first(planned: Planned) -> None:
    plan = planned({"main": ["master"]}, output_config=["procedural_instrumental", "silence_mp3"])
    assert (plan.main, plan.numbers["master/main"], plan.numbers["master_2/main"]) == (("master", "master_2"), 7, 8)


def test_a_pipeline_without_an_output_is_asked_for_by_its_name(planned: Planned) -> None:
    stages = [
        {"name": "tune", "kind": "graph", "chunk": "procedural_instrumental"},
        written()[2] | {"inputs": {"audio": "tune.main"}},
    ]
    plan = planned({"stages": stages, "defaults": {"schema": "plain"}}, output_config=None)
    assert [(one.name, one.output.asked) for one in plan.media] == [("tune", True), ("master", False)]
    assert (plan.graph_stage, plan.numbers["tune/main"]) == ("tune", 7)


def test_a_text_that_a_stage_reads_is_checked_with_the_others(planned: Planned) -> None:
    """The text of an earlier stage may be another one by then."""
    unused: Any = None
    walk = Walk(unused, planned(), unused, asyncio.Event(), "in English", {"interception": "auf Deutsch"})
    assert ("title", "auf Deutsch") in texts_of(walk)
    assert ("text", "in English") in texts_of(walk)
