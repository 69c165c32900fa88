"""The values of widgets by name, out of the list in which the page saves them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.importing.ui import convert
from schemas.nodes import NodeTable
from tests.importing.saved import Json, node, sampler, saved, silence


def inputs(table: NodeTable, content: Json) -> dict[str, dict[str, Any]]:
    graph, warnings = convert(content, table)
    assert warnings == []
    return {node_id: entry["inputs"] for node_id, entry in graph.items()}


SEEDED = {"seed": 5, "steps": 20, "cfg": 8, "sampler_name": "euler", "scheduler": "simple", "denoise": 1}


@pytest.mark.parametrize("control", [["fixed"], ["increment"], ["decrement"], ["randomize"], [True], []])
def test_what_becomes_of_a_seed_is_no_input(table: NodeTable, control: list[Any]) -> None:
    content = saved(sampler(1, 5, *control, 20, 8, "euler", "simple", 1), links=[])
    assert inputs(table, content)["1"] == SEEDED


def test_the_word_fixed_is_taken_from_behind_seeds_and_primitives_alone(table: NodeTable) -> None:
    content = saved(
        node(1, "PrimitiveInt", 4, "fixed", gives="INT"), node(2, "PrimitiveString", "fixed", gives="STRING"), links=[]
    )
    assert inputs(table, content) == {"1": {"value": 4}, "2": {"value": "fixed"}}


def test_a_live_table_tells_further_widgets_that_have_such_a_word() -> None:
    pick = ["INT", {"control_after_generate": True}]
    live = {"Pick": {"input": {"required": {"index": pick, "size": ["INT"]}}, "output": ["INT"], "name": "Pick"}}
    content = saved(node(1, "Pick", 3, "increment", 4, gives="INT"), links=[])
    assert inputs(NodeTable.from_json(live), content) == {"1": {"index": 3, "size": 4}}


def class_of(name: str, *, optional: Json | None = None, **required: Any) -> NodeTable:
    """A table of one class, as a backend tells it."""
    sections = {"required": required, "optional": optional or {}}
    return NodeTable.from_json({name: {"input": sections, "output": ["IMAGE"], "name": name}})


def test_a_choice_of_the_same_word_behind_another_number_is_an_input() -> None:
    crop = class_of("Crop", size=["INT"], how=[["free", "fixed"]])
    assert inputs(crop, saved(node(1, "Crop", 3, "fixed"), links=[])) == {"1": {"size": 3, "how": "fixed"}}


PICTURE = ["COMBO", {"image_upload": True}]


@pytest.mark.parametrize(
    "values",
    [["a.png", "image", "red", 4], ["a.png", "red", "image", 4], ["a.png", "red", None, 4], ["a.png", "red", 4]],
)
def test_an_upload_button_between_two_widgets_is_no_input(values: list[Any]) -> None:
    mask = class_of("Mask", image=PICTURE, channel=[["red", "alpha"]], optional={"grow": ["INT"]})
    found = inputs(mask, saved(node(1, "Mask", *values), links=[]))
    assert found == {"1": {"image": "a.png", "channel": "red", "grow": 4}}


def test_an_empty_text_behind_a_file_is_its_own_value() -> None:
    shown = class_of("Shown", image=PICTURE, title=["STRING", {"default": "x"}])
    assert inputs(shown, saved(node(1, "Shown", "a.png", ""), links=[])) == {"1": {"image": "a.png", "title": ""}}


@pytest.mark.parametrize("button", [["image"], ["audio"], [None], ["", ""], []])
def test_what_an_upload_button_holds_is_no_input(table: NodeTable, button: list[Any]) -> None:
    content = saved(node(1, "LoadAudio", "a.wav", *button), node(2, "LoadImageMask", "a.png", "red", *button), links=[])
    assert inputs(table, content) == {"1": {"audio": "a.wav"}, "2": {"image": "a.png", "channel": "red"}}


def test_widgets_may_be_saved_by_name_or_not_at_all(table: NodeTable) -> None:
    named = {**silence(), "widgets_values": {"channels": 1, "duration": 3.0}}
    bare = {"id": 2, "type": "EmptyAudio"}
    default = {"duration": 60.0, "sample_rate": 44100, "channels": 2}
    assert inputs(table, saved(named, bare, links=[])) == {
        "1": {**default, "duration": 3.0, "channels": 1},
        "2": default,
    }


def test_a_choice_without_a_value_is_the_first_one_where_it_must_be_made() -> None:
    crop = class_of("Crop", how=[["free", "fixed"]], size=["INT"], optional={"edge": [["soft", "hard"]]})
    assert inputs(crop, saved(node(1, "Crop"), links=[])) == {"1": {"how": "free"}}
