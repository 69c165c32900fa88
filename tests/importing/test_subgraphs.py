"""Sub-graphs: their nodes stand in the graph under ids of their own, with what each instance gives them."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.importing.ui import convert
from schemas.nodes import NodeTable
from tests.importing.saved import Json, louder, node, save, saved, silence, subgraph

# audio in -> louder by `volume` -> audio out; `volume` is a widget of the instance.
LOUDER = subgraph(
    "louder",
    node(5, "AudioAdjustVolume", 1, takes={"audio:AUDIO": 1, "=volume:INT": 2}, gives="AUDIO"),
    inputs="audio volume",
    outputs="audio",
    links=[[1, -10, 0, 5, 0], [2, -10, 1, 5, 1], [3, 5, 0, -20, 0]],
)
LINKS = [[1, 1, 0, 3, 0], [2, 3, 0, 9, 0]]


def instance(number: int, *values: Any, link: int | None = 1, **more: Any) -> Json:
    return node(number, "louder", *values, takes={"audio:AUDIO": link}, gives="AUDIO", **more)


def inputs(table: NodeTable, content: Json) -> dict[str, dict[str, Any]]:
    graph, warnings = convert(content, table)
    assert warnings == []
    return {node_id: entry["inputs"] for node_id, entry in graph.items()}


def test_an_instance_is_replaced_by_its_nodes(table: NodeTable) -> None:
    found = inputs(table, saved(silence(), instance(3), save(link=2), links=LINKS, subgraphs=(LOUDER,)))
    assert found["3:5"] == {"audio": ["1", 0], "volume": 1}
    assert found["9"]["audio"] == ["3:5", 0]
    assert set(found) == {"1", "3:5", "9"}


def test_each_instance_has_values_of_its_own(table: NodeTable) -> None:
    links = [[1, 1, 0, 3, 0], [2, 3, 0, 4, 0], [3, 4, 0, 9, 0]]
    content = saved(silence(), instance(3, 6), instance(4, 12, link=2), save(link=3), links=links, subgraphs=(LOUDER,))
    found = inputs(table, content)
    assert found["3:5"] == {"audio": ["1", 0], "volume": 6}
    assert found["4:5"] == {"audio": ["3:5", 0], "volume": 12}


@pytest.mark.parametrize("kind", ["PrimitiveInt", "PrimitiveNode"])
def test_a_linked_input_goes_before_the_value(table: NodeTable, kind: str) -> None:
    one = node(3, "louder", 6, takes={"audio:AUDIO": 1, "=volume:INT": 4}, gives="AUDIO")
    links = [*LINKS, [4, 8, 0, 3, 1]]
    content = saved(
        silence(), node(8, kind, -3, "fixed", gives="INT"), one, save(link=2), links=links, subgraphs=(LOUDER,)
    )
    assert inputs(table, content)["3:5"]["volume"] == (["8", 0] if kind == "PrimitiveInt" else -3)


@pytest.mark.parametrize(
    ("proxies", "values", "volume"),
    [
        ([["-1", "volume"]], [6], 6),  # the instance's own input
        ([["5", "volume"]], [None], 1),  # a widget inside, with no value beside it
        ([["5", "channel"], ["-1", "volume"]], ["left", 6], 6),  # listed: in the order of the list
    ],
)
def test_widgets_shown_on_the_instance(table: NodeTable, proxies: Any, values: Any, volume: int) -> None:
    one = instance(3, *values, properties={"proxyWidgets": proxies})
    found = inputs(table, saved(silence(), one, save(link=2), links=LINKS, subgraphs=(LOUDER,)))
    assert found["3:5"]["volume"] == volume


def test_a_widget_inside_takes_the_value_that_the_instance_shows(table: NodeTable) -> None:
    inner = subgraph("tone", silence(5), inputs="", outputs="audio", links=[[3, 5, 0, -20, 0]])
    shown = {"proxyWidgets": [["5", "duration"], ["5", "channels"]]}
    one = node(3, "tone", 8.0, 1, gives="AUDIO", properties=shown)
    found = inputs(table, saved(one, save(), links=[[1, 3, 0, 9, 0]], subgraphs=(inner,)))
    assert found["3:5"] == {"duration": 8.0, "sample_rate": 44100, "channels": 1}


@pytest.mark.parametrize(("mode", "origin"), [(4, ["1", 0]), (2, None)])
def test_a_bypassed_or_muted_instance_brings_no_nodes(table: NodeTable, mode: int, origin: Any) -> None:
    content = saved(silence(), instance(3, mode=mode), save(link=2), links=LINKS, subgraphs=(LOUDER,))
    found = inputs(table, content)
    assert set(found) == {"1", "9"}
    assert found["9"].get("audio") == origin


def test_a_bypassed_node_inside_hands_on_what_the_instance_gets(table: NodeTable) -> None:
    quiet = {**LOUDER, "nodes": [{**LOUDER["nodes"][0], "mode": 4}]}
    found = inputs(table, saved(silence(), instance(3), save(link=2), links=LINKS, subgraphs=(quiet,)))
    assert found["9"]["audio"] == ["1", 0]


def test_sub_graphs_within_sub_graphs(table: NodeTable) -> None:
    outer = subgraph(
        "twice",
        node(6, "louder", 2, takes={"audio:AUDIO": 1, "=volume:INT": 4}, gives="AUDIO"),
        louder(7, 3, link=2),
        inputs="audio volume",
        outputs="audio",
        links=[[1, -10, 0, 6, 0], [4, -10, 1, 6, 1], [2, 6, 0, 7, 0], [3, 7, 0, -20, 0]],
    )
    one = node(3, "twice", 9, takes={"audio:AUDIO": 1}, gives="AUDIO")
    found = inputs(table, saved(silence(), one, save(link=2), links=LINKS, subgraphs=(outer, LOUDER)))
    assert found["3:6:5"] == {"audio": ["1", 0], "volume": 9}
    assert found["3:7"] == {"audio": ["3:6:5", 0], "volume": 3}
    assert found["9"]["audio"] == ["3:7", 0]


def wrapped(depth: int) -> tuple[Json, ...]:
    """`louder` in so many sub-graphs, each of which holds the definition of the one inside it."""
    inner = LOUDER
    for number in range(depth):
        one = node(6, inner["id"], 2, takes={"audio:AUDIO": 1, "volume:INT": 4}, gives="AUDIO")
        links = [[1, -10, 0, 6, 0], [4, -10, 1, 6, 1], [2, 6, 0, -20, 0]]
        outer = subgraph(f"around {number}", one, inputs="audio volume", outputs="audio", links=links)
        inner = {**outer, "definitions": {"subgraphs": [inner]}}
    return (inner,)


def test_a_value_reaches_a_widget_many_levels_down_though_only_the_deepest_one_is_marked_as_such(
    table: NodeTable,
) -> None:
    content = saved(
        silence(),
        node(3, "around 3", 9, takes={"audio:AUDIO": 1}, gives="AUDIO"),
        save(link=2),
        links=LINKS,
        subgraphs=wrapped(4),
    )
    found = inputs(table, content)
    assert found["3:6:6:6:6:5"] == {"audio": ["1", 0], "volume": 9}
    assert found["9"]["audio"] == ["3:6:6:6:6:5", 0]
