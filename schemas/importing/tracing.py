"""What a value in a graph is for, told from where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from schemas.node_table import NodeTable
from schemas.nodes import Graph

Side = Literal["positive", "negative"]
SIDES: tuple[Side, ...] = ("positive", "negative")  # what both reach counts as the first
ENTRANCES: Mapping[str, Side] = {
    "positive": "positive",
    "negative": "negative",
    "conditioning": "positive",
    "cond1": "positive",
}


def is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int


def consumers(graph: Graph, node_id: str) -> Iterator[tuple[str, str]]:
    """The (node id, input) that take an output of a node."""
    for taker, node in graph.items():
        for name, value in node["inputs"].items():
            if is_link(value) and value[0] == node_id:
                yield taker, name


def sides(graph: Graph, table: NodeTable) -> dict[str, Side]:
    """For the nodes that conditioning comes from: whether it says what is wanted or what is to be avoided."""
    found: dict[str, Side] = {}
    for side in reversed(SIDES):
        for node_id, node in graph.items():
            if "CONDITIONING" in _outputs(graph, node_id, table):
                continue  # only where conditioning ends, at a sampler or a guider
            for name, value in node["inputs"].items():
                if ENTRANCES.get(name) == side and is_link(value):
                    found |= dict.fromkeys(_behind(graph, table, value, side), side)
    return found


def _behind(graph: Graph, table: NodeTable, link: list[Any], side: Side) -> set[str]:
    """Every node that the conditioning of a link is made by; a node with both sides is passed on its own side."""
    seen: set[tuple[str, int]] = set()
    pending = [(str(link[0]), link[1])]
    while pending:
        node_id, slot = pending.pop()
        if node_id not in graph or (node_id, slot) in seen:
            continue
        seen.add((node_id, slot))
        inputs = graph[node_id]["inputs"]
        both = all(is_link(inputs.get(name)) for name in SIDES)
        own = _own_side(graph, table, node_id, slot, side) if both else side
        for name, value in inputs.items():
            if not is_link(value) or (both and name in SIDES and name != own):
                continue
            kinds = _outputs(graph, value[0], table)
            if 0 <= value[1] < len(kinds) and kinds[value[1]] == "CONDITIONING":
                pending.append((value[0], value[1]))
    return {node_id for node_id, _ in seen}


def _own_side(graph: Graph, table: NodeTable, node_id: str, slot: int, side: Side) -> Side:
    node_class = table.classes.get(graph[node_id]["class_type"])
    names = node_class.output_name if node_class else ()
    return next((one for one in SIDES if slot < len(names) and names[slot] == one), side)


def _outputs(graph: Graph, node_id: Any, table: NodeTable) -> tuple[str, ...]:
    node_class = table.classes.get(str(graph.get(node_id, {}).get("class_type")))
    return node_class.output if node_class else ()
