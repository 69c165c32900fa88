"""From a graph in either form to definitions, and back from their text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.graph import Graph
from schemas.importing.drafts import draft, name_from
from schemas.importing.form import ImportRefused, parse_graph
from schemas.nodes import NodeTable
from tests.importing.making import as_json, imported
from tests.importing.saved import node, saved


def test_a_graph_in_api_form_is_kept_as_it_is(table: NodeTable, song: Graph) -> None:
    made = draft(as_json(song), table, name="mine", pipelines=["text_to_audio"])
    assert (made.form, made.graph, made.warnings) == ("api", song, ())
    assert made.config["values"] == {"prompt": "${text}"}
    assert made.config["pipeline"] == "text_to_audio"
    assert made.chunk["models"] == [
        {"node": "1", "input": "ckpt_name", "file": "ace_step_v1_3.5b.safetensors", "folder": "checkpoints"}
    ]
    assert made.chunk["outputs"] == [{"node": "7", "media": "audio", "format": "mp3", "role": "main"}]


@pytest.mark.parametrize("key", ["prompt", "workflow"])
def test_a_graph_may_lie_in_a_request_or_in_a_record(table: NodeTable, song: Graph, key: str) -> None:
    assert draft({key: as_json(song), "client_id": "x"}, table, name="mine", pipelines=[]).graph == song


def test_a_model_folder_is_taken_from_the_graph_where_it_tells_it(table: NodeTable) -> None:
    told = {"models": [{"name": "v.safetensors", "url": "https://x.invalid/v", "directory": "vae_approx"}]}
    image = node(1, "LoadImage", "a.png", "image", gives="IMAGE MASK")
    coded = node(2, "VAEEncode", takes={"pixels:IMAGE": 1, "vae:VAE": 2}, gives="LATENT")
    loader = node(3, "VAELoader", "v.safetensors", gives="VAE", properties=told)
    kept = node(4, "SaveLatent", "latents/x", takes={"samples:LATENT": 3})
    content = saved(image, coded, loader, kept, links=[[1, 1, 0, 2, 0], [2, 3, 0, 2, 1], [3, 2, 0, 4, 0]])
    made = draft(content, table, name="mine", pipelines=[])
    assert made.chunk["models"] == [{"node": "3", "input": "vae_name", "file": "v.safetensors", "folder": "vae_approx"}]
    assert made.chunk["outputs"] == [{"node": "4", "media": "file", "format": "latent", "role": "main"}]


def test_the_main_output_is_the_video_where_there_is_one(table: NodeTable) -> None:
    saves: dict[str, dict[str, Any]] = {
        "SaveImage": {},
        "SaveWEBM": {"codec": "vp9", "fps": 24.0, "crf": 32.0},
        "SaveAnimatedWEBP": {"fps": 24.0, "lossless": True, "quality": 80, "method": "default"},
    }
    graph: Graph = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    for number, (name, values) in enumerate(saves.items(), 2):
        graph[str(number)] = {"class_type": name, "inputs": {"images": ["1", 0], "filename_prefix": "x", **values}}
    outputs = imported(graph, table).describe()["outputs"]
    assert [(one["node"], one["media"], one["format"], one["role"]) for one in outputs] == [
        ("2", "image", "png", "data"),
        ("3", "video", "webm", "main"),
        ("4", "image", "webp", "data"),
    ]


def test_a_video_goes_before_the_sound_that_is_saved_beside_it(table: NodeTable) -> None:
    graph: Graph = {
        "1": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
        "2": {"class_type": "GetVideoComponents", "inputs": {"video": ["1", 0]}},
        "3": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 1], "filename_prefix": "x"}},
        "4": {"class_type": "SaveVideo", "inputs": {"video": ["1", 0], "filename_prefix": "x", "format": "mp4",
                                                    "codec": "h264"}},
    }  # fmt: skip
    made = draft(as_json(graph), table, name="mine", pipelines=["text_to_audio", "text_to_video"])
    assert [(one["node"], one["role"]) for one in made.chunk["outputs"]] == [("3", "data"), ("4", "main")]
    assert made.config["pipeline"] == "text_to_video"


def save_of(**inputs: Any) -> str:
    """A graph that saves what node 2 makes."""
    return json.dumps(
        {
            "1": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["2", 0], "filename_prefix": "x", **inputs}},
            "2": {"class_type": "EmptyAudio", "inputs": {"duration": 1, "sample_rate": 44100, "channels": 2}},
        }
    )


CIRCLE = save_of(quality="V0").replace("EmptyAudio", "AudioAdjustVolume").replace(
    '"duration": 1, "sample_rate": 44100, "channels": 2', '"audio": ["2", 0], "volume": 1'
)  # fmt: skip
REFUSED = {
    "no object": ("[1, 2]", "a graph is an object"),
    "no JSON": ("{", "not JSON"),
    "a number without end": ('{"1": ' + "9" * 5000 + "}", "too many digits"),
    "an empty graph": ("{}", "empty"),
    "something else": ('{"hello": "world"}', "hello has no class_type"),
    "no inputs": ('{"1": {"class_type": "SaveAudio"}}', "has no inputs"),
    "nothing saved": ('{"1": {"class_type": "EmptyAudio", "inputs": {}}}', "writes no file"),
    "an unknown class": ('{"1": {"class_type": "Zither", "inputs": {}}}', "no node table has the class: Zither"),
    "a circle": (CIRCLE, "circle"),
    "a choice that there is not": (save_of(quality="V9"), "'V9'"),
    "an input that there is not": (save_of(quality="V0", speed=2), "no input speed"),
    "an input that is missing": (save_of(), "input quality (COMBO) is missing"),
    "a link to nowhere": (save_of(quality="V0", audio=["7", 0]), "node 7, which is not in the graph"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_imported_is_refused_with_the_reason(table: NodeTable, case: str) -> None:
    text, reason = REFUSED[case]
    with pytest.raises(ImportRefused) as refused:
        imported(parse_graph(text), table)
    assert reason in " ".join([refused.value.message, *refused.value.problems])


def test_a_name_that_is_no_name_is_refused(table: NodeTable, song: Graph) -> None:
    with pytest.raises(ImportRefused, match="small letters"):
        draft(as_json(song), table, name="../Mine", pipelines=[])


@pytest.mark.parametrize(
    ("given", "name"),
    [("Video Wan2.2 (2)", "video_wan2_2_2"), ("Lied für Anna", "lied_f_r_anna"), ("...", "imported"), ("a-b", "a_b")],
)
def test_a_name_is_made_from_a_files(given: str, name: str) -> None:
    assert name_from(given) == name
