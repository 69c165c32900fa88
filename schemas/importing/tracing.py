"""What a value in a graph is for, told from where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def consumers(graph: Graph) -> dict[str, list[tuple[str, str]]]:
    """For each node the (node id, input) that take an output of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for taker, node in graph.items():
        for name, value in node["inputs"].items():
            if is_link(value):
                found.setdefault(value[0], []).append((taker, name))
    return found


def upstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    """The nodes, and every node that leads to one of them."""
    found: set[str] = set()
    pending = list(starts)
    while pending:
        one = pending.pop()
        if one in graph and one not in found:
            found.add(one)
            pending += [value[0] for value in graph[one]["inputs"].values() if is_link(value)]
    return found


def downstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    """The nodes, and every node that one of them leads to."""
    takers, found = consumers(graph), set[str]()
    pending = list(starts)
    while pending:
        one = pending.pop()
        if one not in found:
            found.add(one)
            pending += [taker for taker, _ in takers.get(one, ())]
    return found


def sides(graph: Graph, table: NodeTable) -> dict[str, Side]:
    """For the nodes that conditioning comes from: whether it says what is wanted or what is to be avoided."""
    found: dict[str, Side] = {}
    # Only where conditioning ends, at a sampler or a guider.
    ends = [node for node_id, node in graph.items() if "CONDITIONING" not in _outputs(graph, node_id, table)]
    for side in reversed(SIDES):
        links = [
            (str(value[0]), value[1])
            for node in ends
            for name, value in node["inputs"].items()
            if ENTRANCES.get(name) == side and is_link(value)
        ]
        found |= dict.fromkeys(_behind(graph, table, links, side), side)
    return found


def _behind(graph: Graph, table: NodeTable, pending: list[tuple[str, int]], side: Side) -> set[str]:
    """Every node that the conditioning of the links is made by; a node with both sides is passed on its own side."""
    seen: set[tuple[str, int]] = set()
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
