from __future__ import annotations

import copy
import json
import random

import pytest

from schemas.catalog import Catalog
from schemas.compiler import bind, compile_graph, fill, graph_hash, resolve
from schemas.errors import ParameterError
from schemas.graph import Graph
from schemas.model import GraphChunk, OutputConfig
from schemas.nodes import NodeTable
from schemas.values import Placeholder, from_json, to_json
from tests.loading import load_catalog
from tests.schemas.conftest import CHUNK, FILES, Write

TEXTS = {"text": "made", "input_text": "written"}
NASTY = [
    'a "quoted" {word}',
    "${text}",
    "line\nline\r\n\ttab",
    "\\u0041 \\",
    "{{PROMPT}}",
    "🥁 ♯ ß",
    "",
    "@prefix",
    "$",
]


def seven() -> int:
    return 7


@pytest.fixture
def ace(shipped: Catalog) -> tuple[GraphChunk, OutputConfig]:
    return shipped.chunk_of("acestep_instrumental"), shipped.output("acestep_instrumental")


@pytest.mark.parametrize("prompt", [*NASTY, "@file:x", "@@file:x", "@file:" + "0" * 64 + ".wav"])
def test_any_prompt_arrives_unharmed(prompt: str, shipped: Catalog, ace: tuple[GraphChunk, OutputConfig]) -> None:
    chunk, config = ace
    requested = resolve(chunk, config, {"lyrics": prompt}, seven)
    values = fill(requested, {"text": prompt})
    compiled = compile_graph(chunk, shipped.graph(chunk.graph), json.loads(json.dumps(values)))
    bound = bind(compiled, prefix="p", files={"0" * 64 + ".wav": "other.wav"})
    assert bound["14"]["inputs"]["tags"] == prompt
    assert bound["14"]["inputs"]["lyrics"] == prompt


@pytest.mark.parametrize("seed", [None, -1, "random"])
def test_each_way_to_ask_for_a_random_seed_gives_a_number(seed: object, ace: tuple[GraphChunk, OutputConfig]) -> None:
    assert resolve(*ace, {"seed": seed}, seven)["seed"] == 7
    assert resolve(*ace, {}, seven)["seed"] == 7


@pytest.mark.parametrize("seed", [0, 5, 2**32 - 1, 5.0])
def test_a_given_seed_is_kept(seed: object, ace: tuple[GraphChunk, OutputConfig]) -> None:
    assert resolve(*ace, {"seed": seed}, seven)["seed"] == seed


@pytest.mark.parametrize("seed", [-2, 2**32, 1.5, True, "5", "RANDOM", [1]])
def test_a_seed_that_is_none_is_refused(seed: object, ace: tuple[GraphChunk, OutputConfig]) -> None:
    with pytest.raises(ParameterError, match='seed must be a whole number from 0 to 4294967295, or -1, null or "rand'):
        resolve(*ace, {"seed": seed}, seven)


def test_a_drawn_seed_lies_in_the_parameters_range(shipped: Catalog) -> None:
    chunk = shipped.chunk_of("procedural_instrumental")
    seed = chunk.parameters["seed"].model_copy(update={"min": 10, "max": 19})
    narrow = chunk.model_copy(update={"parameters": {**chunk.parameters, "seed": seed}})
    draw = random.Random(1)
    seeds = {resolve(narrow, None, {}, lambda: draw.randrange(2**32))["seed"] for _ in range(200)}
    assert seeds == set(range(10, 20))


def test_the_preset_wins_over_the_config_and_the_request_over_both(ace: tuple[GraphChunk, OutputConfig]) -> None:
    chunk, config = ace
    changed = config.model_copy(
        update={"values": {**config.values, "steps": 33}, "presets": {"draft": {"steps": 12}}},
    )
    assert resolve(chunk, changed, {}, seven)["steps"] == 33
    assert resolve(chunk, changed, {}, seven, "draft")["steps"] == 12
    assert resolve(chunk, changed, {"steps": 20}, seven, "draft")["steps"] == 20


def test_the_request_wins_over_the_config_and_that_over_the_default(ace: tuple[GraphChunk, OutputConfig]) -> None:
    chunk, config = ace
    changed = config.model_copy(update={"values": {**config.values, "steps": 33}})
    assert resolve(chunk, changed, {"steps": 12}, seven)["steps"] == 12
    assert resolve(chunk, changed, {"steps": None}, seven)["steps"] == 33
    assert resolve(chunk, None, {"prompt": "x"}, seven)["steps"] == 50


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("second", 5, "there is no parameter second; available: seconds"),
        ("seconds", 0, "seconds must be a number from 1 to 1000 s; not 0"),
        ("seconds", "30", "seconds must be a number from 1 to 1000 s; not '30'"),
        ("seconds", True, "seconds must be a number"),
        ("seconds", float("nan"), "seconds must be a"),
        ("steps", 1.5, "steps must be a whole number from 1 to 10000 steps; not 1.5"),
        ("sampler_name", "eular", "sampler_name must be one of euler, "),
        ("quality", 320, "quality must be one of 320k, V0, 128k"),
        ("prompt", 5, "prompt must be text; not 5"),
        ("prompt", {"$placeholder": "text"}, "prompt must be text"),
        ("prompt", "\ud83e", "prompt must be text in valid Unicode"),
    ],
)
def test_what_is_not_allowed_is_named_with_what_is(
    name: str, value: object, message: str, ace: tuple[GraphChunk, OutputConfig]
) -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(*ace, {name: value}, seven)
    assert caught.value.message.startswith(message)
    assert caught.value.field == name
    assert caught.value.allowed


@pytest.mark.parametrize("rate", [44100, 44100.0])
def test_a_choice_of_numbers_takes_the_number(rate: float, shipped: Catalog) -> None:
    chunk = shipped.chunk_of("silence_mp3")
    taken = resolve(chunk, None, {"sample_rate": rate}, seven)["sample_rate"]
    assert (taken, type(taken)) == (44100, int)


@pytest.mark.parametrize("rate", ["44100", 44101, True, [44100]])
def test_a_choice_of_numbers_takes_nothing_else(rate: object, shipped: Catalog) -> None:
    with pytest.raises(ParameterError, match="sample_rate must be one of "):
        resolve(shipped.chunk_of("silence_mp3"), None, {"sample_rate": rate}, seven)


def test_a_string_is_one_line(shipped: Catalog) -> None:
    with pytest.raises(ParameterError, match="instruments must be one line of text"):
        resolve(shipped.chunk_of("procedural_instrumental"), None, {"instruments": "a\nb"}, seven)


def test_a_value_that_nothing_gives_is_required(ace: tuple[GraphChunk, OutputConfig]) -> None:
    with pytest.raises(ParameterError, match="prompt is required"):
        resolve(ace[0], None, {}, seven)


def test_a_placeholder_stays_until_the_text_is_made_and_survives_json(ace: tuple[GraphChunk, OutputConfig]) -> None:
    resolved = resolve(*ace, {}, seven)
    assert resolved["prompt"] == Placeholder("text")
    stored = json.loads(json.dumps(to_json(resolved)))
    assert stored["prompt"] == {"$placeholder": "text"}
    assert from_json(stored) == resolved
    assert fill(resolved, TEXTS)["prompt"] == "made"
    with pytest.raises(ParameterError, match="prompt has no value yet"):
        compile_graph(ace[0], {}, resolved)


def test_one_parameter_may_set_several_inputs(write: Write, tables: dict[str, NodeTable]) -> None:
    fanned = CHUNK.replace("sets: [1.prompt]", "sets: [1.prompt, 1.instruments]")
    catalog = load_catalog([write(**{**FILES, "chunks/tone.yaml": fanned})], tables)
    chunk = catalog.chunk_of("tone")
    compiled = compile_graph(
        chunk, catalog.graph("tone"), fill(resolve(chunk, catalog.output("tone"), {}, seven), TEXTS)
    )
    assert compiled["1"]["inputs"]["prompt"] == compiled["1"]["inputs"]["instruments"] == "made"
    assert compiled["1"]["inputs"]["seconds"] == 12.5


def test_compiling_changes_nothing_that_it_is_given(shipped: Catalog, ace: tuple[GraphChunk, OutputConfig]) -> None:
    graph = shipped.graph("acestep_instrumental")
    values = fill(resolve(*ace, {}, seven), TEXTS)
    before = copy.deepcopy((graph, values))
    first = compile_graph(ace[0], graph, values)
    kept = copy.deepcopy(first)
    bind(first, prefix="p", models={("40", "ckpt_name"): "x"})
    assert (graph, values) == before
    assert first == kept == compile_graph(ace[0], graph, values)


def test_each_parameter_changes_only_the_inputs_that_it_names(
    shipped: Catalog, ace: tuple[GraphChunk, OutputConfig]
) -> None:
    chunk, graph = ace[0], shipped.graph("acestep_instrumental")
    values = fill(resolve(*ace, {}, seven), TEXTS)
    base = compile_graph(chunk, graph, values)
    for name, parameter in chunk.parameters.items():
        changed = compile_graph(chunk, graph, {**values, name: "CHANGED"})
        differing = {
            (node, key)
            for node in base
            for key, value in base[node]["inputs"].items()
            if value != changed[node]["inputs"][key]
        }
        assert differing == {(target.node, target.input) for target in parameter.sets}


def test_the_hash_is_of_the_content_not_of_the_order(shipped: Catalog) -> None:
    graph = shipped.graph("silence_mp3")
    turned: Graph = {
        node_id: {"_meta": node["_meta"], "inputs": node["inputs"], "class_type": node["class_type"]}
        for node_id, node in reversed(graph.items())
    }
    assert list(turned) != list(graph)
    assert {tuple(node) for node in graph.values()} == {("class_type", "inputs", "_meta")}
    assert graph_hash(turned) == graph_hash(graph)
    assert graph_hash({"1": {"x": "ß", "y": 1}}) == "f787deec94cf57dcf018c0fc1cd021553b5571dcfdb0276b19efbadbaa453cd3"
    turned["1"]["inputs"] = {**graph["1"]["inputs"], "channels": 1}
    assert graph_hash(turned) != graph_hash(graph)


def test_a_file_goes_in_by_its_hash_and_is_bound_to_the_backends_name() -> None:
    chunk = GraphChunk.model_validate(
        {
            "name": "x",
            "kind": "graph",
            "graph": "x",
            "description": {"en": "x", "de": "x"},
            "parameters": {"audio": {"type": "file", "description": {"en": "x", "de": "x"}, "sets": ["1.audio"]}},
            "outputs": [{"node": "2", "media": "audio", "format": "flac"}],
        }
    )
    graph: Graph = {
        "1": {"class_type": "LoadAudio", "inputs": {"audio": "a.wav"}},
        "2": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "mine"}},
    }
    sha = "ab" * 32
    with pytest.raises(ParameterError, match="audio must be a stored file"):
        resolve(chunk, None, {"audio": "/etc/passwd"}, seven)
    values = resolve(chunk, None, {"audio": {"sha256": sha, "ext": "wav"}}, seven)
    compiled = compile_graph(chunk, graph, values)
    assert compiled["1"]["inputs"]["audio"] == f"@file:{sha}.wav"
    assert compiled["2"]["inputs"]["filename_prefix"] == "@prefix"
    bound = bind(compiled, prefix="tonewright/r/main_0_0", files={f"{sha}.wav": f"tonewright/{sha}.wav"})
    assert bound["1"]["inputs"]["audio"] == f"tonewright/{sha}.wav"
    assert bound["2"]["inputs"]["filename_prefix"] == "tonewright/r/main_0_0"
    with pytest.raises(KeyError):
        bind(compiled, prefix="p")


def test_a_model_is_bound_to_the_backends_own_name(shipped: Catalog, ace: tuple[GraphChunk, OutputConfig]) -> None:
    compiled = compile_graph(ace[0], shipped.graph("acestep_instrumental"), fill(resolve(*ace, {}, seven), TEXTS))
    assert compiled["40"]["inputs"]["ckpt_name"] == "ace_step_v1_3.5b.safetensors"
    bound = bind(compiled, prefix="p", models={("40", "ckpt_name"): "audio/ace_step_v1_3.5b.safetensors"})
    assert bound["40"]["inputs"]["ckpt_name"] == "audio/ace_step_v1_3.5b.safetensors"
