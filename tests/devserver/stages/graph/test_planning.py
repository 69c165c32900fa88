"""Graph stages with a chunk of their own: what they read, how many takes they have, in which formats."""

from __future__ import annotations

import pytest

from devserver.errors import InputError
from tests.devserver.stages.songs import Planned, stage, written


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
