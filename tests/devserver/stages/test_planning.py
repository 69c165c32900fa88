"""Stages with a chunk of their own: what they read, how many takes they have, which numbers their files get."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import MediaStage, Plan
from devserver.stages.kinds import KINDS
from devserver.stages.planning import make_plan, number_entities, parse_request
from devserver.stages.text.safety import texts_of
from devserver.stages.walk import Walk
from schemas.pipeline import Pipeline
from tests.devserver.plans import AT, RUN_ID

SONG = """\
label: {en: Song, de: Lied}
description: {en: A song., de: Ein Lied.}
stages:
  - {name: interception, kind: text, chunk: interception}
  - {name: generation, kind: graph, chunk: $output}
  - {name: master, kind: graph, chunk: mastered_recording, inputs: {audio: generation.main}, values: {loudness: -9}}
  - {name: film, kind: graph, chunk: recording_video, inputs: {audio: master.main, title: interception.text}}
defaults: {schema: plain, output_config: procedural_instrumental}
"""
Planned = Callable[..., Plan]


@pytest.fixture
def planned(definitions: Definitions, exports: Exports, database: Database) -> Planned:
    def make(pipeline: dict[str, Any] | None = None, **body: Any) -> Plan:
        read = Pipeline.model_validate({**yaml.safe_load(SONG), "name": "song", **(pipeline or {})})
        source = definitions.catalog.sources["pipeline", "text_to_audio"]
        catalog = replace(
            definitions.catalog,
            pipelines={**definitions.catalog.pipelines, "song": read},
            sources={**definitions.catalog.sources, ("pipeline", "song"): source},
        )
        asked = {"input_text": "x", "safety_level": "off", "pipeline": "song", "brief": False, **body}
        request = parse_request(asked)
        new = {"run_id": RUN_ID, "user_id": "local", "created_at": AT}
        return make_plan(request, asked, catalog, InputFiles(exports, database), KINDS, **new)

    return make


def stage(plan: Plan, name: str) -> MediaStage:
    return next(stage for stage in plan.media if stage.name == name)


def test_each_stage_runs_its_own_chunk_and_reads_what_it_names(planned: Planned) -> None:
    plan = planned()
    assert [one.name for one in plan.media] == ["generation", "master", "film"]
    master = stage(plan, "master")
    assert {name: str(one) for name, one in master.inputs.items()} == {"audio": "generation.main"}
    (option,) = master.output.options
    assert (option.config, option.chunk.name) == ("mastered_recording", "mastered_recording")
    assert option.takes[0]["loudness"] == -9
    assert "audio" not in option.takes[0]
    assert {entry.name for entry in plan.definitions if entry.kind == "chunk"} >= {
        "mastered_recording",
        "recording_video",
    }
    assert [output.config for output in plan.outputs] == ["procedural_instrumental"]


def test_the_plan_survives_its_own_json(planned: Planned) -> None:
    plan = planned(output_config=["procedural_instrumental", "silence_mp3"], formats=["mp3"])
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_stages_that_read_from_the_output_are_run_for_each_output(planned: Planned) -> None:
    plan = planned(output_config=["procedural_instrumental", "silence_mp3"])
    assert [[one.name for one in step] for step in plan.steps[1:]] == [
        ["generation", "generation_2"],
        ["master", "master_2"],
        ["film", "film_2"],
    ]
    assert str(stage(plan, "film_2").inputs["audio"]) == "master_2.main"
    assert str(stage(plan, "film_2").inputs["title"]) == "interception.text"
    assert [one.output.number for one in plan.media] == [1, 2] * 3


def test_a_stage_has_the_takes_of_its_source(planned: Planned) -> None:
    stages = planned({"stages": [{**one, "takes": 3} if one["name"] == "generation" else one for one in written()]})
    seeds = [take["seed"] for take in stage(stages, "generation").output.options[0].takes]
    assert len(set(seeds)) == 3
    assert len(stage(stages, "film").output.options[0].takes) == 3


def test_takes_that_the_words_ask_for_go_on_to_the_stages_after(planned: Planned) -> None:
    plan = planned(brief={"variations": 2})
    assert [len(one.output.options[0].takes) for one in plan.media] == [2, 2, 2]


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


def test_without_main_the_number_07_and_the_formats_are_those_of_the_output(planned: Planned) -> None:
    plan = planned(formats=["flac", "mp3"])
    assert (plan.numbers["generation/main"], plan.graph_stage, plan.main_stage) == (7, "generation", "generation")
    assert plan.numbers["master/main"] > 7
    assert [one.name for one in plan.media] == ["generation", "generation_mp3", "master", "film"]


def test_main_has_the_number_07_and_the_formats_and_the_graph_stays_that_of_the_output(planned: Planned) -> None:
    plan = planned({"main": ["master", "generation"]}, formats=["wav", "mp3"])
    numbers = {place: number for place, number in plan.numbers.items() if place.endswith("/main")}
    assert (numbers["master/main"], numbers["generation/main"]) == (7, 8)
    assert numbers["film/main"] > 8
    assert (plan.graph_stage, plan.main_stage) == ("generation", "master")
    assert [one.name for one in plan.media] == ["generation", "master", "master_mp3", "film"]
    assert stage(plan, "master").output.options[0].takes[0]["format"] == "wav"
    assert stage(plan, "generation").output.options[0].takes[0]["format"] == "mp3"


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


def test_a_format_that_the_words_ask_for_goes_to_the_main_stage(planned: Planned) -> None:
    plan = planned({"main": ["master"]}, brief=True, input_text="techno as mp3")
    assert [one.name for one in plan.media] == ["generation", "master", "master_mp3", "film"]
    assert not any(one.field == "format" for one in plan.outputs[0].options[0].brief)


def test_an_output_that_cannot_take_what_the_stage_reads_is_refused(planned: Planned) -> None:
    stages = [
        {"name": "first", "kind": "graph", "chunk": "procedural_instrumental"},
        {"name": "generation", "kind": "graph", "chunk": "$output", "inputs": {"audio": "first.main"}},
    ]
    plan = planned({"stages": stages}, output_config="mastered_recording")
    assert [one.output.asked for one in plan.media] == [False, True]
    assert (plan.graph_stage, plan.numbers["generation/main"]) == ("generation", 7)
    with pytest.raises(InputError, match="it has no audio") as refused:
        planned({"stages": stages}, output_config="silence_mp3")
    assert refused.value.field == "output_config"


def test_a_pipeline_without_an_output_is_asked_for_by_its_name(planned: Planned) -> None:
    stages = [
        {"name": "tune", "kind": "graph", "chunk": "procedural_instrumental"},
        written()[2] | {"inputs": {"audio": "tune.main"}},
    ]
    plan = planned({"stages": stages, "defaults": {"schema": "plain"}}, output_config=None)
    assert [(one.name, one.output.asked) for one in plan.media] == [("tune", True), ("master", False)]
    assert (plan.graph_stage, plan.numbers["tune/main"]) == ("tune", 7)


def written() -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = yaml.safe_load(SONG)["stages"]
    return stages


def test_a_text_that_a_stage_reads_is_checked_with_the_others(planned: Planned) -> None:
    """The text of an earlier stage may be another one by then."""
    unused: Any = None
    walk = Walk(unused, planned(), unused, asyncio.Event(), "in English", {"interception": "auf Deutsch"})
    assert ("title", "auf Deutsch") in texts_of(walk)
    assert ("text", "in English") in texts_of(walk)
