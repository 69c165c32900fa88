"""Graphs that would become large: counted before they are made, and what is allowed takes steps in proportion."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from schemas.graph import Graph
from schemas.importing.drafts import draft
from schemas.importing.form import ImportRefused
from schemas.limits import LEVELS, LINKS, NAME, NODES, OUTPUTS, PARAMETERS, TITLE, Limit
from schemas.nodes import NodeTable, check_graph
from tests.counting import steps
from tests.importing.saved import node, save, saved, silence, subgraph

Json = dict[str, Any]


def nested(levels: int, width: int) -> Json:
    """Sub-graphs in each other, each holding the next one `width` times."""
    inner = [
        subgraph(f"s{n}", *(node(k, f"s{n + 1}") for k in range(width)), inputs="", outputs="", links=[])
        for n in range(levels)
    ]
    return saved(node(1, "s0"), links=[], subgraphs=tuple(inner))


def chain(length: int) -> Json:
    """A sound whose volume is changed in each node, and a file of it."""
    graph = {"0": {"class_type": "EmptyAudio", "inputs": {"duration": 1.0, "sample_rate": 44100, "channels": 2}}}
    for place in range(1, length):
        volume = {"audio": [str(place - 1), 0], "volume": place % 100}
        graph[str(place)] = {"class_type": "AudioAdjustVolume", "inputs": volume}
    last = {"audio": [str(length - 1), 0], "filename_prefix": "x"}
    return {**graph, "end": {"class_type": "SaveAudio", "inputs": last}}


def saved_chain(length: int) -> Json:
    """The same as the page saves it, with a reroute before each node."""
    nodes, links = [silence(seconds=1)], [[1, 1, 0, 1001, 0]]
    for place in range(length):
        first = 1000 + 2 * place + 1
        nodes.append(node(first, "Reroute", takes={":*": first - 1000}, gives="*"))
        nodes.append(
            node(first + 1, "AudioAdjustVolume", place % 100, takes={"audio:AUDIO": first - 999}, gives="AUDIO")
        )
        links.append([first - 999, first, 0, first + 1, 0])
        links.append([first - 998, first + 1, 0, first + 2, 0])
    nodes.append({**save(link=2 * length + 1), "id": 1000 + 2 * length + 1})
    return saved(*nodes, links=links)


def reroutes(length: int) -> Json:
    """One sound that goes through many reroutes to many takers."""
    nodes = [silence(seconds=1), *(node(100 + n, "Reroute", takes={":*": n + 1}, gives="*") for n in range(length))]
    links = [[1, 1, 0, 100, 0], *([n + 1, 99 + n, 0, 100 + n, 0] for n in range(1, length))]
    for number in range(length):
        link = length + 1 + number
        nodes.append(node(100 + link, "AudioAdjustVolume", 1, takes={"audio:AUDIO": link}, gives="AUDIO"))
        links.append([link, 99 + length, 0, 100 + link, 0])
    nodes.append({**save(link=3 * length + 1), "id": 100 + 3 * length})
    links.append([3 * length + 1, 100 + 2 * length, 0, 100 + 3 * length, 0])
    return saved(*nodes, links=links)


def many_texts(length: int) -> Json:
    """Values of different primitives, each of which could be a parameter."""
    graph = chain(1)
    for place in range(length):
        value = {"class_type": "PrimitiveInt", "inputs": {"value": place}, "_meta": {"title": "Amount"}}
        graph[f"p{place}"] = value
        graph[f"v{place}"] = {
            "class_type": "AudioAdjustVolume",
            "inputs": {"audio": [f"v{place - 1}" if place else "0", 0], "volume": [f"p{place}", 0]},
        }
    graph["end"]["inputs"]["audio"] = [f"v{length - 1}", 0]
    return graph


@pytest.mark.parametrize("shape", [chain, saved_chain, reroutes, many_texts])
def test_the_steps_of_an_import_grow_with_the_graph_and_not_faster(
    table: NodeTable, shape: Callable[[int], Json]
) -> None:
    small, large = shape(400), shape(1600)
    assert draft(small, table, name="x", pipelines=[]).graph
    few, many = (steps(lambda g=g: draft(g, table, name="x", pipelines=[])) for g in (small, large))  # type: ignore[misc]
    assert many / few < 4.6


@pytest.mark.parametrize("shape", [chain, saved_chain, reroutes, many_texts])
def test_so_does_its_processor_time(table: NodeTable, shape: Callable[[int], Json]) -> None:
    """What no call shows, such as a search through a list; four times the length may take ten times as long."""

    def taken(length: int) -> float:
        graph, begun = shape(length), time.process_time()
        assert not check_graph(draft(graph, table, name="x", pipelines=[]).graph, table)
        return time.process_time() - begun

    taken(100)
    # The least of several: what else the process does, such as collecting the garbage of other tests, only adds.
    assert min(taken(2000) for _ in range(3)) / min(taken(500) for _ in range(3)) < 10


def test_five_thousand_nodes_in_a_chain_are_imported(table: NodeTable) -> None:
    assert len(draft(chain(5000), table, name="x", pipelines=[]).graph) == 5001
    assert len(draft(saved_chain(2500), table, name="x", pipelines=[]).graph) == 2502


def wide(count: int) -> Json:
    graph = chain(1)
    graph["end"]["inputs"] |= {f"more_{place}": ["0", 0] for place in range(count)}
    return graph


LARGE: dict[str, tuple[Json, Limit, int]] = {
    "ten to the twelve nodes": (nested(12, 10), NODES, 1 + sum(10**n for n in range(1, 13))),
    "twice in each other": (nested(15, 2), NODES, 2**16 - 1),
    "sub-graphs too deep": (nested(40, 1), LEVELS, LEVELS.most + 1),
    "many nodes": (chain(NODES.most), NODES, NODES.most + 1),
    "many links to one node": (wide(100_000), LINKS, 100_001),
    "many links as saved": (
        saved(silence(seconds=1), links=[[n, 1, 0, 1, n] for n in range(100_000)]),
        LINKS,
        100_000,
    ),
    "a long id": ({"9" * 201: chain(1)["0"]}, NAME, 201),
    "a long class": ({"1": {"class_type": "x" * 5000, "inputs": {}}}, NAME, 5000),
    "a long title": ({"1": {**chain(1)["0"], "_meta": {"title": "x" * 2001}}}, TITLE, 2001),
    "a long title as saved": (saved(node(1, "EmptyAudio", title="x" * 2001), links=[]), TITLE, 2001),
    "many files": (
        {"0": chain(1)["0"], **{f"s{n}": chain(1)["end"] for n in range(OUTPUTS.most + 1)}},
        OUTPUTS,
        OUTPUTS.most + 1,
    ),
}


@pytest.mark.parametrize("case", LARGE)
def test_what_is_too_large_is_refused_with_the_limit_and_the_value(table: NodeTable, case: str) -> None:
    content, limit, value = LARGE[case]
    with pytest.raises(ImportRefused) as caught:
        draft(content, table, name="x", pipelines=[])
    assert caught.value.limit == (limit, value)
    assert (str(value) in caught.value.message, str(limit.most) in caught.value.message) == (True, True)


def test_a_text_that_many_instances_repeat_counts_each_time(table: NodeTable) -> None:
    inner = subgraph("s", node(1, "Note", "x" * 100_000), inputs="", outputs="", links=[])
    content = saved(*(node(n, "s") for n in range(300)), links=[], subgraphs=(inner,))
    with pytest.raises(ImportRefused, match="bytes with its sub-graphs expanded"):
        draft(content, table, name="x", pipelines=[])


def test_a_sub_graph_that_contains_itself_is_named(table: NodeTable) -> None:
    first = subgraph("a", node(1, "b"), inputs="", outputs="", links=[])
    second = subgraph("b", node(1, "a"), inputs="", outputs="", links=[])
    with pytest.raises(ImportRefused, match="the sub-graph a contains itself"):
        draft(saved(node(1, "a"), links=[], subgraphs=(first, second)), table, name="x", pipelines=[])


def test_of_very_many_values_the_first_become_parameters_and_a_warning_counts_the_others(table: NodeTable) -> None:
    done = draft(many_texts(PARAMETERS + 50), table, name="x", pipelines=[])
    assert len(done.chunk["parameters"]) == PARAMETERS
    assert any("could be parameters" in warning for warning in done.warnings)


def test_a_graph_in_a_folder_of_definitions_has_the_same_limits() -> None:
    import json

    from schemas.importing.check import problems_of

    (problem,) = problems_of({("graph", "x"): json.dumps(chain(NODES.most))}, [], {})
    assert problem.message == NODES.describe_excess(NODES.most + 1)


def test_of_a_graph_with_very_many_faults_the_first_are_told(table: NodeTable) -> None:
    graph: Graph = {
        str(n): {"class_type": "AudioAdjustVolume", "inputs": {"audio": ["gone", 0], "volume": 1}} for n in range(9000)
    }
    problems = check_graph(graph, table)
    assert len(problems) == 200
    assert problems[-1].message.endswith("further problems are not listed")
