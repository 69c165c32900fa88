"""Each thing that the page does to a graph before it sends it, alone in a small one."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.importing.form import ImportRefused
from schemas.importing.ui import convert
from schemas.nodes import NodeTable
from tests.importing.saved import Json, louder, node, save, saved, silence, subgraph

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
