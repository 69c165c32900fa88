"""What people change becomes a parameter with a plain name."""

from __future__ import annotations

import copy
from typing import Any, Unpack

import pytest

from schemas.graph import Graph, InputValue, NodeMeta
from schemas.importing.proposals import Proposal, propose
from schemas.nodes import NodeTable


def proposed(table: NodeTable, graph: Graph) -> dict[str, Proposal]:
    return propose(graph, table)


def text(number: str, words: str, **meta: Unpack[NodeMeta]) -> Graph:
    inputs: dict[str, InputValue] = {"clip": ["90", 1], "text": words}
    return {number: {"class_type": "CLIPTextEncode", "inputs": inputs, "_meta": NodeMeta(**meta)}}


def sampler(number: str, positive: list[Any], negative: list[Any], **values: Any) -> Graph:
    given = {
        "seed": 1,
        "steps": 20,
        "cfg": 7.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "denoise": 1.0,
        **values,
    }
    links = {"model": ["90", 0], "positive": positive, "negative": negative, "latent_image": ["91", 0]}
    return {number: {"class_type": "KSampler", "inputs": {**links, **given}}}


BASE: Graph = {
    "90": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "91": {"class_type": "EmptyLatentImage", "inputs": {"width": 640, "height": 480, "batch_size": 1}},
}


def test_a_song_has_the_parameters_that_people_look_for(table: NodeTable, song: Graph) -> None:
    found = proposed(table, song)
    assert {name: (one.type, one.value, one.sets) for name, one in found.items()} == {
        "prompt": ("text", "folk, flute", (("2", "tags"),)),
        "lyrics": ("text", "[verse]\nla", (("2", "lyrics"),)),
        "seconds": ("float", 20.0, (("4", "seconds"),)),
        "steps": ("int", 50, (("5", "steps"),)),
        "cfg": ("float", 5.0, (("5", "cfg"),)),
        "seed": ("seed", None, (("5", "seed"),)),
        "lyrics_strength": ("float", 0.99, (("2", "lyrics_strength"),)),
        "sampler_name": ("choice", "euler", (("5", "sampler_name"),)),
        "scheduler": ("choice", "simple", (("5", "scheduler"),)),
        "denoise": ("float", 1.0, (("5", "denoise"),)),
        "quality": ("choice", "V0", (("7", "quality"),)),
    }
    assert (found["seconds"].min, found["seconds"].max, found["seconds"].word.unit) == (1.0, 1000.0, "s")
    assert found["quality"].choices == ("V0", "128k", "320k")
    assert found["prompt"].titles == ("The song",)


def test_texts_are_told_apart_by_the_side_of_the_sampler_that_they_reach(table: NodeTable) -> None:
    graph = BASE | text("1", "mud") | text("2", "a lake") | sampler("3", ["2", 0], ["1", 0])
    found = proposed(table, graph)
    assert found["prompt"].sets == (("2", "text"),)
    assert found["negative_prompt"].sets == (("1", "text"),)


def test_also_through_nodes_that_have_both_sides(table: NodeTable) -> None:
    between: Graph = {
        "5": {
            "class_type": "WanImageToVideo",
            "inputs": {
                "positive": ["2", 0],
                "negative": ["1", 0],
                "vae": ["90", 2],
                "width": 832,
                "height": 480,
                "length": 81,
                "batch_size": 1,
            },
        }
    }
    graph = BASE | text("1", "mud") | text("2", "a lake") | between | sampler("3", ["5", 0], ["5", 1])
    found = proposed(table, graph)
    assert found["prompt"].value == "a lake"
    assert found["negative_prompt"].value == "mud"
    assert (found["frames"].value, found["frames"].step) == (81, 4)


def test_what_both_sides_use_is_the_prompt(table: NodeTable) -> None:
    zero: Graph = {"4": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["1", 0]}}}
    found = proposed(table, BASE | text("1", "a lake") | zero | sampler("3", ["1", 0], ["4", 0]))
    assert found["prompt"].value == "a lake"
    assert "negative_prompt" not in found


def test_where_no_sampler_tells_the_title_does_and_the_first_text_is_the_prompt(table: NodeTable) -> None:
    found = proposed(table, BASE | text("1", "mud", title="Negative words") | text("2", "a lake"))
    assert (found["prompt"].value, found["negative_prompt"].value) == ("a lake", "mud")


def test_the_same_value_at_two_places_is_one_parameter_and_another_is_numbered(table: NodeTable) -> None:
    samplers = (
        sampler("3", ["1", 0], ["1", 0], steps=4, cfg=1.0, seed=1)
        | sampler("4", ["1", 0], ["1", 0], steps=4, cfg=3.5, seed=2)
    )  # fmt: skip
    found = proposed(table, BASE | text("1", "a lake") | samplers)
    assert found["steps"].sets == (("3", "steps"), ("4", "steps"))
    assert (found["cfg"].value, found["cfg_2"].value) == (1.0, 3.5)
    assert found["seed"].sets == (("3", "seed"), ("4", "seed"))  # one seed says what all of it becomes


def test_a_whole_and_a_broken_number_of_the_same_value_are_one_whole_one(table: NodeTable) -> None:
    graph: Graph = {
        "1": {"class_type": "CreateVideo", "inputs": {"images": ["8", 0], "fps": 24.0}},
        "2": {"class_type": "SVD_img2vid_Conditioning", "inputs": {"fps": 24, "width": 512}},
    }
    fps = proposed(table, graph)["fps"]
    assert (fps.type, fps.value, fps.sets) == ("int", 24, (("1", "fps"), ("2", "fps")))
    assert (fps.min, fps.max) == (1.0, 120.0)


def test_a_primitive_is_named_and_ranged_by_what_it_leads_to(table: NodeTable) -> None:
    graph = copy.deepcopy(BASE)
    graph["91"]["inputs"]["width"] = ["1", 0]
    graph["1"] = {"class_type": "PrimitiveInt", "inputs": {"value": 768}}
    width = proposed(table, graph)["width"]
    assert (width.sets, width.value, width.min, width.max) == ((("1", "value"),), 768, 16, 16384)


@pytest.mark.parametrize(("title", "name"), [("Chunk Length", "chunk_length"), ("Steps", "steps"), (None, None)])
def test_a_primitive_that_leads_to_nothing_known_is_named_by_its_title(
    table: NodeTable, title: str | None, name: str | None
) -> None:
    meta: NodeMeta = {"title": title} if title else {}
    found = proposed(table, {"1": {"class_type": "PrimitiveInt", "inputs": {"value": 3}, "_meta": meta}})
    assert list(found) == ([name] if name else [])


def test_files_are_parameters_without_a_value_each_for_itself(table: NodeTable) -> None:
    graph: Graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
        "3": {"class_type": "LoadAudio", "inputs": {"audio": "a.wav"}},
        "4": {"class_type": "LoadVideo", "inputs": {"file": "a.mp4"}},
    }
    found = proposed(table, graph)
    assert list(found) == ["image", "image_2", "audio", "video"]
    assert all(one.type == "file" and one.value is None for one in found.values())


def test_models_prefixes_links_and_pieces_of_a_batch_are_no_parameters(table: NodeTable) -> None:
    graph: Graph = {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "a.safetensors", "weight_dtype": "default"}},
        "2": {"class_type": "ImageFromBatch", "inputs": {"image": ["9", 0], "batch_index": 0, "length": 1}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "x"}},
    }
    assert proposed(table, graph) == {}
