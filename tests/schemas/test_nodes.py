from __future__ import annotations

import copy
from typing import Any

import pytest

from schemas.catalog import Catalog
from schemas.graph import Graph
from schemas.model import ModelFile
from schemas.nodes import NodeTable, check_graph, fit, match_models, same_model
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write

GRAPH: Graph = {
    "1": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0, "sample_rate": 44100, "channels": 2}},
    "2": {"class_type": "AudioAdjustVolume", "inputs": {"audio": ["1", 0], "volume": -6}},
    "3": {
        "class_type": "SaveAudioMP3",
        "inputs": {"audio": ["2", 0], "filename_prefix": "x", "quality": "V0", "audioUI": ""},
    },
}
LOADER: Graph = {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}}}


@pytest.fixture
def table(tables: dict[str, NodeTable]) -> NodeTable:
    return tables["comfyui"]


def changed(node: str, **inputs: Any) -> Graph:
    graph = copy.deepcopy(GRAPH)
    graph[node]["inputs"].update(inputs)
    return graph


def test_a_bound_that_is_no_number_bounds_nothing() -> None:
    spec = ["INT", {"default": 1, "min": "0", "max": None}]
    table = NodeTable.from_object_info({"Odd": {"input": {"required": {"x": spec, "y": ["INT", 5]}}, "output": []}})
    assert check_graph({"1": {"class_type": "Odd", "inputs": {"x": -3, "y": 2}}}, table) == []


def test_a_good_graph_has_no_problem(table: NodeTable) -> None:
    assert check_graph(GRAPH, table) == []


@pytest.mark.parametrize(
    ("graph", "kind", "message"),
    [
        ({"1": {"class_type": "EmptyAudo", "inputs": {}}}, "missing_node", "no class EmptyAudo; available: EmptyAudio"),
        ({"1": {"inputs": {}}}, "missing_node", "node 1 has no class_type"),
        ({"1": "x"}, "missing_node", "node 1 has no class_type"),
        (changed("2", volme=1), "unknown_input", "no input volme; available: volume, audio"),
        (changed("1", duration="1"), "bad_value", "input duration is '1', but takes FLOAT"),
        (changed("1", duration=True), "bad_value", "input duration is True, but takes FLOAT"),
        (changed("1", channels=1.5), "bad_value", "input channels is 1.5, but takes INT"),
        (changed("1", channels=3), "bad_value", "input channels is 3, but must be at least 1 and at most 2"),
        (changed("3", filename_prefix=5), "bad_value", "input filename_prefix is 5, but takes STRING"),
        (changed("3", quality="V1"), "bad_value", "input quality is 'V1'; available: V0, 128k, 320k"),
        (changed("3", quality="x.safetensors"), "missing_model", "the model x.safetensors is missing; available: V0"),
        (changed("3", audio="x.wav"), "bad_link", "input audio needs a link to a node that gives AUDIO, not the value"),
        (changed("2", audio=["9", 0]), "bad_link", "input audio is linked to node 9, which is not in the graph"),
        (changed("2", audio=["1", 1]), "bad_link", "is linked to output 1 of node 1 (EmptyAudio), which has"),
        (changed("2", audio=["1", -1]), "bad_link", "output -1 of node 1"),
        (changed("2", audio=[1, 0]), "bad_link", "a link is [node id as text, number of the output]"),
        (changed("2", audio=["1"]), "bad_link", "a link is [node id as text, number of the output]"),
        (changed("2", volume=["1", 0]), "bad_link", "input volume takes INT, but output 0 of node 1"),
        (changed("2", audio=["2", 0]), "cycle", "the graph runs in a circle: 2 -> 2"),
    ],
)  # fmt: skip
def test_each_kind_of_problem_says_what_there_is(graph: Graph, kind: str, message: str, table: NodeTable) -> None:
    problems = check_graph(graph, table)
    assert [problem.kind for problem in problems] == [kind]
    assert message in problems[0].message
    assert len(problems[0].available) <= 5


def test_a_missing_input_is_told_because_defaults_are_not_filled_in(table: NodeTable) -> None:
    graph = copy.deepcopy(GRAPH)
    del graph["3"]["inputs"]["quality"]
    (problem,) = check_graph(graph, table)
    assert (problem.kind, problem.node_id, problem.input) == ("missing_input", "3", "quality")


def test_a_circle_is_shown_with_the_way_round(table: NodeTable) -> None:
    links = {"10": "12", "11": "10", "12": "11", "13": "12"}
    graph: Graph = {
        name: {"class_type": "AudioAdjustVolume", "inputs": {"audio": [source, 0], "volume": 0}}
        for name, source in links.items()
    }
    (problem,) = check_graph(graph, table)
    assert problem.message == "the graph runs in a circle: 10 -> 11 -> 12 -> 10"


def test_a_long_chain_is_no_circle_and_no_recursion(table: NodeTable) -> None:
    graph = copy.deepcopy(GRAPH)
    for number in range(10, 3010):
        source = str(number - 1) if number > 10 else "1"
        graph[str(number)] = {"class_type": "AudioAdjustVolume", "inputs": {"audio": [source, 0], "volume": 0}}
    assert check_graph(graph, table) == []


def test_wildcards_unions_and_grown_inputs_fit(live: NodeTable) -> None:
    classes = {
        "Any": {"input": {"required": {"x": ["*"]}}, "output": ["*"]},
        "Both": {"input": {"required": {"x": ["INT,FLOAT", {"max": 5}]}}, "output": ["FLOAT,STRING"]},
        "Audio": {"input": {"required": {"x": ["AUDIO"]}}, "output": ["AUDIO"]},
    }
    table = NodeTable.merge([live, NodeTable.from_object_info(classes)])
    good: Graph = {
        "1": {"class_type": "Both", "inputs": {"x": 1.5}},
        "2": {"class_type": "Any", "inputs": {"x": ["1", 0]}},
        "3": {"class_type": "Audio", "inputs": {"x": ["2", 0]}},
        "4": {"class_type": "Both", "inputs": {"x": ["1", 0]}},
        "5": {"class_type": "Any", "inputs": {"x": {"__value__": [1, 2, 3]}}},
        "6": {"class_type": "Growing", "inputs": {"images.image0": ["3", 0], "images.image1": ["3", 0]}},
    }
    assert check_graph(good, table) == []
    mismatch: Graph = {"1": good["1"], "2": {"class_type": "Audio", "inputs": {"x": ["1", 0]}}}
    assert [problem.kind for problem in check_graph(mismatch, table)] == ["bad_link"]


def test_a_new_style_combo_and_an_uploaded_file(live: NodeTable) -> None:
    video: Graph = {
        "1": {"class_type": "NewSave", "inputs": {"video": ["2", 0], "format": "avi"}},
        "2": {"class_type": "Growing", "inputs": {}},
    }
    assert [problem.message for problem in check_graph(video, live)] == [
        "node 1 (NewSave): input format is 'avi'; available: auto, mp4"
    ]
    upload: Graph = {"1": {"class_type": "LoadAudio", "inputs": {"audio": "tonewright/abc.wav"}}}
    assert check_graph(upload, live) == []


def test_a_combo_that_the_browser_fills_takes_any_name() -> None:
    info = {"Remote": {"input": {"required": {"x": ["COMBO", {"remote": {"route": "/list"}}]}}, "output": []}}
    table = NodeTable.from_object_info(info)
    assert check_graph({"1": {"class_type": "Remote", "inputs": {"x": "anything"}}}, table) == []
    assert [p.kind for p in check_graph({"1": {"class_type": "Remote", "inputs": {"x": None}}}, table)] == ["bad_value"]


def model(file: str) -> ModelFile:
    return ModelFile(node="4", input="ckpt_name", file=file, folder="checkpoints")


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (["other.ckpt", "a.safetensors"], "a.safetensors"),
        (["audio/a.safetensors"], "audio/a.safetensors"),
        (["audio\\a.safetensors"], "audio\\a.safetensors"),
        (["z/deep/A.safetensors", "b/other.safetensors"], "z/deep/A.safetensors"),
    ],
)
def test_a_model_is_found_under_the_backends_own_name(options: list[str], bound: str) -> None:
    info = {"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [options]}}, "output": ["MODEL"]}}
    table = NodeTable.from_object_info(info)
    assert match_models([model("a.safetensors")], LOADER, table) == ({("4", "ckpt_name"): bound}, [])
    assert fit([model("a.safetensors")], LOADER, table).problems == ()


@pytest.mark.parametrize(
    ("file", "options", "bound"),
    [
        ("b\\model.safetensors", ["a/model.safetensors", "b/model.safetensors"], "b/model.safetensors"),
        ("b/model.safetensors", ["a\\model.safetensors", "b\\model.safetensors"], "b\\model.safetensors"),
        ("b/model.safetensors", ["b\\model.safetensors", "b/model.safetensors"], "b/model.safetensors"),
        ("model.safetensors", ["a/model.safetensors", "model.safetensors"], "model.safetensors"),
        ("b/model.safetensors", ["a/model.safetensors", "a/other.safetensors"], "a/model.safetensors"),
        ("B\\Model.safetensors", ["a/model.safetensors", "b/model.safetensors"], "b/model.safetensors"),
        ("b/x_fp16.safetensors", ["a/x_fp8.safetensors", "b/x_fp8.safetensors"], "b/x_fp8.safetensors"),
    ],
)
def test_folder_and_name_decide_which_file_is_meant_with_either_slash(
    file: str, options: list[str], bound: str
) -> None:
    table = checkpoints(options)
    assert match_models([model(file)], LOADER, table) == ({("4", "ckpt_name"): bound}, [])


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("model.safetensors", ["a/model.safetensors", "b/model.safetensors"]),
        ("c\\model.safetensors", ["a/model.safetensors", "b/model.safetensors"]),
        ("Model.safetensors", ["a/model.safetensors", "b/MODEL.safetensors"]),
        ("c/x_fp16.safetensors", ["a/x_fp8.safetensors", "b/x_fp8.safetensors"]),
    ],
)
def test_several_files_of_one_name_are_named_and_none_is_taken(file: str, options: list[str]) -> None:
    result = fit([model(file)], LOADER, checkpoints(options))
    assert result.bindings == {}
    assert [(problem.kind, list(problem.available)) for problem in result.problems] == [("ambiguous_model", options)]
    assert all(option in str(result.problems[0]) for option in options)


def checkpoints(options: list[str]) -> NodeTable:
    info = {"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [options]}}, "output": ["MODEL"]}}
    return NodeTable.from_object_info(info)


@pytest.mark.parametrize(
    ("options", "rest"), [([], "available: none"), (["ba.safetensors"], "available: ba.safetensors")]
)
def test_a_model_that_is_missing_is_told_once(options: list[str], rest: str) -> None:
    info = {"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [options]}}, "output": ["MODEL"]}}
    result = fit([model("a.safetensors")], LOADER, NodeTable.from_object_info(info))
    assert [(problem.kind, problem.value) for problem in result.problems] == [("missing_model", "a.safetensors")]
    assert result.problems[0].message.endswith(rest)
    assert result.bindings == {}


def test_a_backend_without_the_node_lacks_the_model_too(shipped: Catalog) -> None:
    chunk = shipped.chunk_of("acestep_instrumental")
    result = fit(chunk.models, shipped.graph(chunk.graph), NodeTable({}))
    kinds = [problem.kind for problem in result.problems]
    assert kinds.count("missing_model") == 1
    assert kinds.count("missing_node") == 10


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        (["umt5_fp8_e4m3fn_scaled.safetensors", "umt5_bf16.safetensors"], "umt5_bf16.safetensors"),
        (["te/umt5_fp8_scaled.safetensors", "umt5_q4_k_m.safetensors"], "te/umt5_fp8_scaled.safetensors"),
        (["umt5.safetensors", "umt5_fp8.safetensors"], "umt5.safetensors"),
        (["te/umt5_fp16.safetensors", "umt5_bf16.safetensors"], "te/umt5_fp16.safetensors"),
    ],
)
def test_a_model_is_taken_in_another_precision_where_only_that_is_there(options: list[str], bound: str) -> None:
    info = {"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [options]}}, "output": ["MODEL"]}}
    table = NodeTable.from_object_info(info)
    assert match_models([model("umt5_fp16.safetensors")], LOADER, table) == ({("4", "ckpt_name"): bound}, [])


@pytest.mark.parametrize(
    ("file", "other"),
    [
        ("wan_2.1_vae.safetensors", "wan_2.2_vae.safetensors"),
        ("qwen_0.6b.safetensors", "qwen_1.7b.safetensors"),
        ("sd_xl_1.0_fp16.safetensors", "sd_xl_1.1_fp16.safetensors"),
        ("high_noise_14B_fp8.safetensors", "low_noise_14B_fp8.safetensors"),
        ("x_fp16.safetensors", "x_turbo_fp16.safetensors"),
        ("x_fp16.safetensors", "x_turbo_fp8.safetensors"),
        ("umt5_xxl_fp16.safetensors", "t5xxl_fp8_e4m3fn_scaled.safetensors"),
    ],
)
def test_another_model_is_no_other_precision(file: str, other: str) -> None:
    assert not same_model(file, other)
    assert not same_model(other, file)


@cases("nodes")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)
