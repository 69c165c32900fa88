from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import Plan
from devserver.stages.kinds import KINDS
from devserver.stages.planning import make_plan, make_title, parse_request
from schemas.pipeline import Stage
from tests.devserver.plans import AT, RUN_ID, plan

Parts = tuple[Definitions, Exports, Database]


@pytest.fixture
def parts(definitions: Definitions, exports: Exports, database: Database) -> Parts:
    return definitions, exports, database


def values(made: Plan, option: int = 0) -> dict[str, Any]:
    return made.outputs[0].options[option].takes[0]


def test_the_defaults_come_from_the_pipeline(parts: Parts) -> None:
    made = plan(*parts)
    assert (made.pipeline, made.schema_) == ("text_to_audio", "plain")
    assert [output.config for output in made.outputs] == ["procedural_instrumental"]


@pytest.mark.parametrize("seed", [None, -1, "random"])
def test_every_way_to_ask_for_a_drawn_seed_records_a_number(parts: Parts, seed: object) -> None:
    made = plan(*parts, seed=seed)
    assert 0 <= made.seed < 2**32
    assert values(made)["seed"] == made.seed


def test_a_given_seed_is_used_everywhere(parts: Parts) -> None:
    made = plan(*parts, seed=7, output_config="acestep_instrumental")
    assert (made.seed, values(made, 0)["seed"], values(made, 1)["seed"]) == (7, 7, 7)


def test_a_stages_own_parameter_is_stronger_than_the_plain_one(parts: Parts) -> None:
    made = plan(*parts, params={"seconds": 5, "generation.seconds": 6})
    assert values(made)["seconds"] == 6


def test_the_fallback_is_planned_with_what_it_knows(parts: Parts) -> None:
    made = plan(*parts, output_config="acestep_instrumental", params={"seconds": 5, "cfg": 3})
    asked, fallback = made.outputs[0].options
    assert (asked.config, asked.left_out) == ("acestep_instrumental", ())
    assert (fallback.config, fallback.left_out) == ("procedural_instrumental", ("cfg",))
    assert fallback.takes[0]["seconds"] == 5


def test_a_value_beyond_the_fallbacks_range_is_left_out_there(parts: Parts) -> None:
    made = plan(*parts, output_config="acestep_instrumental", params={"seconds": 900})
    asked, fallback = made.outputs[0].options
    assert asked.takes[0]["seconds"] == 900
    assert (fallback.takes[0]["seconds"], fallback.left_out) == (30, ("seconds",))


def test_safety_stages_are_skipped_under_off_alone(parts: Parts) -> None:
    safety = {"safety_input", "safety_output"}
    assert {stage.name for stage in plan(*parts).stages if stage.skip} >= safety
    assert not {stage.name for stage in plan(*parts, safety_level="adult").stages if stage.skip} & safety


def test_a_translation_is_skipped_with_its_reason_where_nothing_wants_english(parts: Parts) -> None:
    (skip,) = [stage.skip for stage in plan(*parts).stages if stage.name == "translation"]
    assert skip == "no chosen output wants English"


def test_numbers_are_fixed_for_the_main_output_and_follow_for_others(parts: Parts) -> None:
    made = plan(*parts, output_config=["silence_mp3", "procedural_instrumental"])
    assert made.numbers["generation/main"] == 7
    assert made.numbers["generation_2/main"] == 8
    assert made.numbers["interception/text"] == 4


def test_a_near_name_is_offered(parts: Parts) -> None:
    with pytest.raises(InputError) as refused:
        plan(*parts, output_config="acestep_instrumentl")
    assert refused.value.status == 404
    assert isinstance(refused.value.allowed, list)
    assert refused.value.allowed[0] == "acestep_instrumental"


def test_a_user_text_that_looks_like_a_placeholder_is_a_text(parts: Parts) -> None:
    made = plan(*parts, params={"prompt": "${text}"})
    assert values(made)["prompt"] == "${text}"


def test_the_plan_survives_its_own_json(parts: Parts) -> None:
    made = plan(*parts, output_config="acestep_instrumental", schema="dada")
    assert Plan.model_validate_json(made.model_dump_json(by_alias=True)) == made


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(InputError) as refused:
        parse_request([1])
    assert refused.value.status == 400


def test_titles_end_at_a_word() -> None:
    assert make_title("one  two\nthree\0") == "one two three"
    title = make_title("word " * 30)
    assert len(title) <= 62
    assert title.endswith("word …")


def test_a_pipeline_of_text_stages_needs_no_output_and_takes_none(parts: Parts) -> None:
    made = plan(*parts, pipeline="text_only", schema="dada")
    assert ([stage.kind for stage in made.stages], made.outputs) == (["text"] * 3, ())
    for wrong in ({"output_config": "silence_mp3"}, {"params": {"seconds": 1}}, {"preset": "draft"}):
        with pytest.raises(InputError):
            plan(*parts, pipeline="text_only", **wrong)


def test_a_request_is_stronger_than_its_preset_and_that_than_the_config(parts: Parts) -> None:
    made = plan(*parts, output_config="acestep_instrumental", preset="best", params={"quality": "128k"})
    asked, fallback = made.outputs[0].options
    assert (asked.takes[0]["steps"], asked.takes[0]["quality"], asked.takes[0]["cfg"]) == (100, "128k", 5)
    assert (made.preset, asked.preset, fallback.preset) == ("best", "best", "best")


def test_a_preset_is_used_where_there_is_one(parts: Parts) -> None:
    made = plan(*parts, output_config=["silence_mp3", "procedural_instrumental"], preset="best")
    assert [output.options[0].preset for output in made.outputs] == ["", "best"]
    assert made.outputs[1].options[0].takes[0]["quality"] == "best"


@pytest.mark.parametrize(
    ("output", "allowed"), [("silence_mp3", []), ("acestep_instrumental", ["draft", "balanced", "best"])]
)
def test_an_unknown_preset_is_refused_with_those_that_there_are(parts: Parts, output: str, allowed: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        plan(*parts, output_config=output, preset="fast")
    assert (caught.value.status, caught.value.field, caught.value.allowed) == (422, "preset", allowed)


def test_variants_are_planned_before_the_fallback_with_what_each_takes(parts: Parts) -> None:
    made = plan(*parts, output_config="musicgen", params={"seconds": 120, "top_k": 9})
    told = [(option.key, option.left_out) for option in made.outputs[0].options]
    assert told == [
        (("musicgen", "musicgen_audiocraft"), ()),
        (("musicgen", "musicgen_transformers"), ("seconds", "top_k")),
        (("musicgen", "musicgen_prompt"), ()),
        (("procedural_instrumental", "procedural_instrumental"), ("top_k",)),
    ]
    assert all(option.takes[0]["seconds"] in (30, 120) for option in made.outputs[0].options)


@pytest.mark.parametrize("field", ["output_config", "formats"])
def test_a_request_cannot_ask_for_any_number_of_things(field: str) -> None:
    with pytest.raises(InputError, match="at most 16") as refused:
        parse_request({"input_text": "x", field: ["silence_mp3"] * 17})
    assert (refused.value.status, refused.value.field) == (422, field)


def test_a_pipeline_that_runs_the_output_config_twice_is_refused(parts: Parts) -> None:
    definitions, exports, database = parts
    twice = [Stage(name=name, kind="graph", chunk="$output") for name in ("generation", "again")]
    pipelines = dict(definitions.catalog.pipelines)
    pipelines["text_to_audio"] = pipelines["text_to_audio"].model_copy(update={"stages": tuple(twice)})
    catalog = replace(definitions.catalog, pipelines=pipelines)
    body: dict[str, object] = {"input_text": "x"}
    files = InputFiles(exports, database)
    with pytest.raises(InputError, match="another stage has the chunk") as caught:
        make_plan(parse_request(body), body, catalog, files, KINDS, run_id=RUN_ID, user_id="local", created_at=AT)
    assert (caught.value.status, caught.value.field, caught.value.value) == (422, "pipeline", "text_to_audio")
