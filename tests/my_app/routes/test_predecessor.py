"""The predecessor's routes, called as its scripts call them, against a real server."""

from __future__ import annotations

from typing import Any

import pytest

from my_app.routes.predecessor_models import IDLE, GenerationRequest, InterceptionRequest, Taken, is_idle
from tests.my_app.api import Api
from tests.my_app.conftest import ROOT

INTERCEPTION = "/api/schema/pipeline/interception"
GENERATION = "/api/schema/pipeline/generation"
TEXT = {"schema": "mirror", "input_text": "one two three", "safety_level": "research"}
SILENCE = {"prompt": "hush", "output_config": "silence_mp3"}


def idle_fields(request: type[Taken]) -> list[str]:
    """The fields that are taken without effect."""
    return [name for name, about in request.model_fields.items() if is_idle(about)]


async def test_interception_answers_with_the_rewritten_text_and_makes_nothing(api: Api) -> None:
    status, told = await api.ask("POST", INTERCEPTION, TEXT)
    assert (status, told["status"], told["final_output"]) == (200, "success", "three two one")
    assert (told["media_output"], told["media_outputs"]) == (None, [])
    assert told["metadata"]["safety_level"] == "off"
    _, again = await api.ask("POST", INTERCEPTION, {**TEXT, "schema": "dada", "seed": 5})
    assert again["metadata"]["seed"] == 5


async def test_a_text_that_the_level_does_not_allow_is_blocked(api: Api) -> None:
    status, told = await api.ask("POST", INTERCEPTION, {**TEXT, "input_text": "a murder", "safety_level": "kids"})
    assert (status, told["status"], told["error"]["stage"]) == (403, "blocked", "safety_input")


async def test_generation_makes_media_of_the_prompt_as_it_is(api: Api) -> None:
    status, told = await api.ask("POST", GENERATION, {**SILENCE, "seed": 7})
    assert (status, told["status"], told["was_translated"], told["loras"]) == (200, "success", False, [])
    run_id, media = told["run_id"], told["media_output"]
    assert (media["media_type"], media["url"], media["index"]) == ("audio", f"/api/media/audio/{run_id}", 0)
    assert told["duration_ms"] > 0
    assert await api.ask("GET", "/api/pipeline/{run_id}/generation", run_id=run_id) == (200, told)
    _, run = await api.ask("GET", "/api/runs/{run_id}", run_id=run_id)
    assert (run["resolved"]["schema"], run["resolved"]["seed"]) == ("plain", 7)


async def test_its_parameters_reach_the_graph(api: Api) -> None:
    body = {"prompt": "x", "output_config": "acestep_instrumental", "steps": 9, "cfg": 3.5, "seed": 3}
    _, told = await api.ask("POST", GENERATION, body)
    _, run = await api.ask("GET", "/api/runs/{run_id}", run_id=told["run_id"])
    assert run["request"]["params"] == {"steps": 9, "cfg": 3.5}
    assert told["media_output"]["seed"] == 3


async def test_status_entities_and_media_of_a_run(api: Api) -> None:
    _, told = await api.ask("POST", GENERATION, SILENCE)
    run_id = told["run_id"]
    _, status = await api.ask("GET", "/api/pipeline/{run_id}/status", run_id=run_id)
    done, _, stages = status["current_state"].pop("progress").partition("/")
    assert (status["current_state"], done) == ({"stage": "generation", "step": "success"}, stages)
    assert (status["status"], status["expected_outputs"]) == ("success", ["output_audio"])
    types = {entity["type"]: entity for entity in status["entities"]}
    assert types.keys() >= {"config", "input", "graph", "output_audio"}
    assert types["output_audio"]["sequence"] == 7
    _, listed = await api.ask("GET", "/api/pipeline/{run_id}/entities", run_id=run_id)
    assert (listed["entities"], listed["entity_count"]) == (status["entities"], len(status["entities"]))
    _, info = await api.ask("GET", "/api/media/info/{run_id}", run_id=run_id)
    assert [(made["type"], made["url"]) for made in info["media"]] == [("audio", f"/api/media/audio/{run_id}")]


async def test_everything_that_can_be_chosen_is_in_one_list(api: Api) -> None:
    _, told = await api.ask("GET", "/pipeline_configs_metadata")
    configs = {config["id"]: config for config in told["configs"]}
    assert configs["haiku"]["meta"]["stage"] == "interception"
    assert configs["acestep_instrumental"]["meta"]["model"] == "ace_step_v1_3.5b.safetensors"
    assert configs["silence_mp3"]["media_preferences"]["default_output"] == "audio"
    assert all(config["name"]["de"] and config["description"]["en"] for config in configs.values())


def test_every_field_without_effect_is_documented_with_the_reason() -> None:
    page = (ROOT / "docs" / "predecessor.md").read_text(encoding="utf-8").partition("## Fields without effect")[2]
    listed = {line for line in page.splitlines() if line.startswith("| `")}
    assert listed == {
        f"| `{route}` | `{name}` | {(request.model_fields[name].description or '').removeprefix(f'{IDLE}: ')[:-1]} |"
        for route, request in (("interception", InterceptionRequest), ("generation", GenerationRequest))
        for name in idle_fields(request)
    }


async def test_the_description_says_of_each_field_without_effect_why(api: Api) -> None:
    for request in (InterceptionRequest, GenerationRequest):
        fields = api.document["components"]["schemas"][request.__name__]["properties"]
        silent = {name for name, about in fields.items() if about.get("description", "").startswith(f"{IDLE}: ")}
        assert silent == {*idle_fields(request)}
        assert len(silent) > 3


@pytest.mark.parametrize("name", idle_fields(InterceptionRequest))
async def test_what_it_had_beside_is_taken_by_interception(api: Api, name: str) -> None:
    assert (await api.ask("POST", INTERCEPTION, {**TEXT, name: {"anything": 1}}))[0] == 200


async def test_what_it_had_beside_is_taken_by_generation(api: Api) -> None:
    idle = dict.fromkeys(idle_fields(GenerationRequest), "x") | dict.fromkeys(("width", "steps"))
    assert (await api.ask("POST", GENERATION, {**SILENCE, **idle}))[0] == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (INTERCEPTION, {"schema": "plain"}, 400, "input_text"),
        (INTERCEPTION, {"input_text": "x"}, 400, "schema"),
        (INTERCEPTION, {**TEXT, "schema": "none"}, 404, "schema"),
        (INTERCEPTION, {**TEXT, "inputtext": "x"}, 422, "inputtext"),
        (INTERCEPTION, {**TEXT, "params": {}}, 422, "params"),
        (INTERCEPTION, {**TEXT, "safety_level": ["off"]}, 422, "safety_level"),
        (GENERATION, {"prompt": "x"}, 400, "output_config"),
        (GENERATION, {"output_config": "silence_mp3"}, 400, "prompt"),
        (GENERATION, {**SILENCE, "prompt": " "}, 422, "prompt"),
        (GENERATION, {**SILENCE, "output_config": "none"}, 404, "output_config"),
        (GENERATION, {**SILENCE, "steps": 4}, 422, "steps"),
        (GENERATION, {**SILENCE, "output_config": "acestep_instrumental", "steps": "many"}, 422, "steps"),
        (GENERATION, {**SILENCE, "schema": "dada"}, 422, "schema"),
    ],
)
async def test_what_it_never_had_is_refused_under_its_own_name(
    api: Api, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    got, told = await api.ask("POST", path, body)
    assert (got, told["error"]["field"]) == (status, field), told


async def test_an_unknown_run_is_unknown_here_too(api: Api) -> None:
    paths = ["/api/pipeline/{run_id}/" + name for name in ("status", "entities", "generation")]
    for path in (*paths, "/api/media/info/{run_id}"):
        assert (await api.ask("GET", path, run_id="20300101-000000-00000000"))[0] == 404
