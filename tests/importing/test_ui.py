"""Each thing that the page does to a graph before it sends it, alone in a small one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.importing.form import ImportRefused
from schemas.importing.ui import convert
from schemas.nodes import NodeTable
from tests.importing.saved import Json, louder, node, sampler, save, saved, silence, subgraph

PLAIN = saved(silence(), save(), links=[[1, 1, 0, 9, 0]])


def inputs(table: NodeTable, content: Json) -> dict[str, dict[str, Any]]:
    graph, warnings = convert(content, table)
    assert warnings == []
    return {node_id: entry["inputs"] for node_id, entry in graph.items()}


def test_widgets_get_their_names_in_the_order_of_the_class_and_links_name_node_and_slot(table: NodeTable) -> None:
    graph, warnings = convert(PLAIN, table)
    assert graph == {
        "1": {"class_type": "EmptyAudio", "inputs": {"duration": 2.0, "sample_rate": 44100, "channels": 2}},
        "9": {"class_type": "SaveAudio", "inputs": {"audio": ["1", 0], "filename_prefix": "audio/x"}},
    }
    assert warnings == []


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


def test_a_linked_widget_keeps_its_place_among_the_saved_values(table: NodeTable) -> None:
    made = node(1, "EmptyAudio", 9.0, 48000, 1, takes={"=sample_rate:INT": 1}, gives="AUDIO")
    content = saved(made, node(2, "PrimitiveInt", 22050, "fixed", gives="INT"), links=[[1, 2, 0, 1, 0]])
    assert inputs(table, content)["1"] == {"duration": 9.0, "sample_rate": ["2", 0], "channels": 1}


def test_values_that_no_input_takes_are_told(table: NodeTable) -> None:
    _, warnings = convert(saved(node(1, "EmptyAudio", 2.0, 44100, 2, "stereo"), links=[]), table)
    assert warnings == ["node 1 (EmptyAudio) was saved with values that it has no input for: 'stereo'"]


def reroute(number: int, link: int | None) -> Json:
    return node(number, "Reroute", takes={":*": link}, gives="*")


MADE, VIA = silence(), silence(2, seconds=4.0)
# What stands between a sound and the node that saves it, and what the save node gets.
BETWEEN: dict[str, tuple[list[Json], list[list[int]], Any]] = {
    "nothing": ([], [[1, 1, 0, 9, 0]], ["1", 0]),
    "a reroute": ([reroute(3, 2)], [[2, 1, 0, 3, 0], [1, 3, 0, 9, 0]], ["1", 0]),
    "two reroutes": ([reroute(3, 2), reroute(4, 3)], [[2, 1, 0, 3, 0], [3, 3, 0, 4, 0], [1, 4, 0, 9, 0]], ["1", 0]),
    "an open reroute": ([reroute(3, None)], [[1, 3, 0, 9, 0]], None),
    "a node": ([louder(3, 1, link=2)], [[2, 1, 0, 3, 0], [1, 3, 0, 9, 0]], ["3", 0]),
    "a bypassed node": ([louder(3, 1, link=2, mode=4)], [[2, 1, 0, 3, 0], [1, 3, 0, 9, 0]], ["1", 0]),
    "a muted node": ([louder(3, 1, link=2, mode=2)], [[2, 1, 0, 3, 0], [1, 3, 0, 9, 0]], None),
    "a bypassed node that gets nothing": ([louder(3, 1, link=None, mode=4)], [[1, 3, 0, 9, 0]], None),
    "a bypassed maker": ([silence(3, mode=4)], [[1, 3, 0, 9, 0]], None),
    "a link to nowhere": ([], [[1, 77, 0, 9, 0]], None),
    "bypassed, the same place first": (
        [node(3, "AudioConcat", takes={"audio1:AUDIO": 2, "audio2:AUDIO": 3}, gives="AUDIO", mode=4)],
        [[2, 1, 0, 3, 0], [3, 2, 0, 3, 1], [1, 3, 0, 9, 0]],
        ["1", 0],
    ),
    "bypassed, then the same type": (
        [node(3, "X", takes={"vae:VAE": None, "text:STRING": None, "audio:AUDIO": 3}, gives="AUDIO", mode=4)],
        [[3, 2, 0, 3, 2], [1, 3, 0, 9, 0]],
        ["2", 0],
    ),
    "bypassed, another type": (
        [node(3, "X", takes={"vae:VAE": 3}, gives="AUDIO", mode=4)],
        [[3, 2, 0, 3, 0], [1, 3, 0, 9, 0]],
        None,
    ),
    "a note": ([node(3, "Note", "read me"), node(4, "MarkdownNote", "# me")], [[1, 1, 0, 9, 0]], ["1", 0]),
}


@pytest.mark.parametrize("case", BETWEEN)
def test_a_link_comes_from_what_really_makes_it(table: NodeTable, case: str) -> None:
    between, links, origin = BETWEEN[case]
    found = inputs(table, saved(MADE, VIA, *between, save(), links=links))
    assert found["9"].get("audio") == origin
    assert set(found) == {"1", "2", "9", *(["3"] if case == "a node" else [])}


def test_a_primitive_is_the_value_of_what_it_leads_to_however_far(table: NodeTable) -> None:
    length = node(2, "PrimitiveNode", 7.5, "fixed", gives="FLOAT")
    made = [node(n, "EmptyAudio", 1.0, 44100, 2, takes={"=duration:FLOAT": n}, gives="AUDIO") for n in (4, 5)]
    links = [[3, 2, 0, 3, 0], [4, 3, 0, 4, 0], [5, 2, 0, 5, 0]]
    found = inputs(table, saved(length, reroute(3, 3), *made, links=links))
    assert found == {str(n): {"duration": 7.5, "sample_rate": 44100, "channels": 2} for n in (4, 5)}


def test_every_absent_class_that_would_run_is_named_and_no_other(table: NodeTable) -> None:
    content = saved(
        node(1, "Zither"),
        node(2, "Autoharp"),
        node(3, "Zither"),
        node(4, "Muted", mode=2),
        node(5, "Past", mode=4),
        links=[],
    )
    with pytest.raises(ImportRefused) as refused:
        convert(content, table)
    assert refused.value.absent == ("Autoharp", "Zither")
    assert refused.value.message == "no node table has these classes: Autoharp, Zither"


def test_widgets_that_come_and_go_cannot_be_told_apart_and_the_other_form_is_asked_for() -> None:
    live = {"Fit": {"input": {"required": {"how": ["COMFY_DYNAMICCOMBO_V3", {}]}}, "output": [], "name": "Fit"}}
    with pytest.raises(ImportRefused, match=r"Export \(API\)") as refused:
        convert(saved(node(7, "Fit", "scale", 2), links=[]), NodeTable.from_json(live))
    assert refused.value.problems == ("node 7 (Fit)",)


BROKEN = {
    "a circle of reroutes": saved(
        reroute(1, 1), reroute(2, 2), save(9, link=3), links=[[1, 2, 0, 1, 0], [2, 1, 0, 2, 0], [3, 2, 0, 9, 0]]
    ),
    "a node without a type": {"nodes": [{"id": 1}], "links": []},
    "a link of three": {"nodes": [], "links": [[1, 2, 3]]},
    "a link by words": {"nodes": [], "links": [[1, 2, "first", 3, 0]]},
    "a sub-graph within itself": saved(
        node(1, "loop"), links=[], subgraphs=(subgraph("loop", node(2, "loop"), inputs="", outputs="", links=[]),)
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_damaged_graph_is_refused_in_words(table: NodeTable, case: str) -> None:
    with pytest.raises(ImportRefused, match=r"circle|id and a type|cannot be read|contains itself"):
        convert(BROKEN[case], table)
