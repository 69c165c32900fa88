"""Find the purpose of a value in a graph from the inputs that it reaches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from schemas.graph import Graph, Link, links_of
from schemas.node_table import NodeTable

Side = Literal["positive", "negative"]
SIDES: tuple[Side, ...] = ("positive", "negative")  # what both reach counts as the first
ENTRANCES: Mapping[str, Side] = {
    "positive": "positive",
    "negative": "negative",
    "conditioning": "positive",
    "cond1": "positive",
}


def consumers(graph: Graph) -> dict[str, list[tuple[str, str]]]:
    """Return for each node the (node id, input) that take an output of it."""
    takers: dict[str, list[tuple[str, str]]] = {}
    for taker, node in graph.items():
        for name, link in links_of(node):
            takers.setdefault(link.node, []).append((taker, name))
    return takers


def upstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    """Return the nodes, and every node that leads to one of them."""
    reached: set[str] = set()
    pending = list(starts)
    while pending:
        node = pending.pop()
        if node in graph and node not in reached:
            reached.add(node)
            pending += [link.node for _, link in links_of(graph[node])]
    return reached


def downstream(graph: Graph, starts: Iterable[str]) -> set[str]:
    """Return the nodes, and every node that one of them leads to."""
    takers, reached = consumers(graph), set[str]()
    pending = list(starts)
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending += [taker for taker, _ in takers.get(node, ())]
    return reached


def sides(graph: Graph, table: NodeTable) -> dict[str, Side]:
    """Return the side of each node that makes conditioning: for wanted or for unwanted things."""
    side_of: dict[str, Side] = {}
    # Only where conditioning ends, at a sampler or a guider.
    ends = [node for node_id, node in graph.items() if "CONDITIONING" not in _outputs(graph, node_id, table)]
    for side in reversed(SIDES):
        links = [link for node in ends for name, link in links_of(node) if ENTRANCES.get(name) == side]
        side_of |= dict.fromkeys(_conditioning_sources(graph, table, links, side), side)
    return side_of


def _conditioning_sources(graph: Graph, table: NodeTable, pending: list[Link], side: Side) -> set[str]:
    """Return every node that makes the conditioning of the links; nodes with both sides are followed on one side."""
    seen: set[Link] = set()
    while pending:
        at = pending.pop()
        if at.node not in graph or at in seen:
            continue
        seen.add(at)
        links = dict(links_of(graph[at.node]))
        both = all(name in links for name in SIDES)
        own = _own_side(graph, table, at, side) if both else side
        for name, link in links.items():
            if both and name in SIDES and name != own:
                continue
            kinds = _outputs(graph, link.node, table)
            if 0 <= link.slot < len(kinds) and kinds[link.slot] == "CONDITIONING":
                pending.append(link)
    return {link.node for link in seen}


def _own_side(graph: Graph, table: NodeTable, at: Link, side: Side) -> Side:
    node_class = table.classes.get(graph[at.node]["class_type"])
    names = node_class.output_name if node_class else ()
    return next((name for name in SIDES if at.slot < len(names) and names[at.slot] == name), side)


def _outputs(graph: Graph, node_id: str, table: NodeTable) -> tuple[str, ...]:
    node_class = table.classes.get(graph[node_id]["class_type"]) if node_id in graph else None
    return node_class.output if node_class else ()
