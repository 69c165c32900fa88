"""The nodes and links of a saved graph and of its sub-graphs: each read once, and counted before any is expanded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from schemas.importing.form import ImportRefused, refuse_excess
from schemas.limits import BYTES, LEVELS, LINKS, NAME, NODES, TITLE, longest

INPUTS, OUTPUTS = "-10", "-20"  # the two ends of a sub-graph, as its links name them


class Link(NamedTuple):
    """From an output of a node to an input of another, both on one level."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


class Size(NamedTuple):
    """What a part has once every sub-graph in it is expanded."""

    nodes: int
    links: int
    levels: int
    bytes: int


@dataclass(frozen=True)
class Part:
    """A list of nodes and their links, as the graph itself and each of its sub-graphs are saved."""

    content: Mapping[str, Any]
    nodes: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, Link]

    @cached_property
    def inputs(self) -> list[Mapping[str, Any]]:
        return dicts(self.content.get("inputs"))

    @cached_property
    def inlets(self) -> Mapping[int, list[Link]]:
        """The links that begin at each input of the sub-graph."""
        found: dict[int, list[Link]] = {}
        for link in self.links.values():
            if link.origin == INPUTS:
                found.setdefault(link.origin_slot, []).append(link)
        return found

    @cached_property
    def outlets(self) -> Mapping[int, Link]:
        """The first link that ends at each output of the sub-graph."""
        found: dict[int, Link] = {}
        for link in self.links.values():
            if link.target == OUTPUTS:
                found.setdefault(link.target_slot, link)
        return found


class SubGraphs:
    """The sub-graphs of a saved graph, by the type of the nodes that stand for them."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._saved: dict[str, Mapping[str, Any]] = {}
        pending = _definitions(content)
        while pending:  # a definition may hold further ones
            one = pending.pop()
            self._saved[str(one.get("id"))] = one
            pending += _definitions(one)
        self._parts: dict[str, Part] = {}
        self._sizes: dict[str, Size] = {}
        self._promoted: dict[str, tuple[str, ...]] = {}
        self._known_as_promoted: set[tuple[str, str]] = set()

    def of(self, node: Mapping[str, Any]) -> Part | None:
        """The sub-graph that a node is an instance of; None where it is a plain node."""
        kind = str(node["type"])
        if kind not in self._saved:
            return None
        if kind not in self._parts:
            self._parts[kind] = read_part(self._saved[kind])
        return self._parts[kind]

    def size(self, part: Part, inside: tuple[str, ...] = ()) -> Size:
        """Count a part with everything in it expanded; nothing is expanded for that.

        Raises:
            ImportRefused: a sub-graph contains itself, or one of the limits of `schemas.limits` is exceeded.
        """
        refuse_excess(LEVELS, len(inside))
        _check_names(part)
        nodes, links, levels = len(part.nodes), _links_in(part), 0
        size_bytes = sum(len(json.dumps(node)) for node in part.nodes.values())
        for node_id, node in part.nodes.items():
            inner = self.of(node)
            if inner is None:
                continue
            kind = str(node["type"])
            if kind in inside:
                raise ImportRefused(f"the sub-graph {inner.content.get('name') or kind} contains itself")
            if kind not in self._sizes:
                self._sizes[kind] = self.size(inner, (*inside, kind))
            found = self._sizes[kind]
            nodes, links, levels = nodes + found.nodes, links + found.links, max(levels, found.levels + 1)
            size_bytes += found.bytes + (len(node_id) + 1) * found.nodes  # its id begins those of the nodes in it
        if not inside:
            for limit, value in ((LEVELS, levels), (NODES, nodes), (LINKS, links), (BYTES, size_bytes)):
                refuse_excess(limit, value)
        return Size(nodes, links, levels, size_bytes)

    def promoted(self, node: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of an instance's inputs that are widgets inside its sub-graph, in order."""
        kind, part = str(node["type"]), self.of(node)
        if part is None:
            return ()
        if kind not in self._promoted:
            names = [str(entry.get("name")) for slot, entry in enumerate(part.inputs) if self._is_widget(part, slot)]
            self._promoted[kind] = tuple(names)
            self._known_as_promoted.update((kind, name) for name in names)
        return self._promoted[kind]

    def _is_widget(self, part: Part, slot: int) -> bool:
        for link in part.inlets.get(slot, ()):
            target = part.nodes.get(link.target)
            if target is None:
                continue
            socket = socket_of(target, "inputs", link.target_slot)
            self.promoted(target)
            if socket.get("widget") or (str(target["type"]), str(socket.get("name"))) in self._known_as_promoted:
                return True
        return False


def read_part(content: Mapping[str, Any]) -> Part:
    """The nodes and links of a graph or a sub-graph; ImportRefused where they are damaged."""
    return Part(content, _nodes(content), _links(content))


def dicts(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def socket_of(node: Mapping[str, Any], side: str, slot: int) -> Mapping[str, Any]:
    """One of a node's inputs or outputs as saved, by the slot that links name; {} where there is none."""
    saved = node.get(side)
    found = saved[slot] if isinstance(saved, list) and 0 <= slot < len(saved) else None
    return found if isinstance(found, Mapping) else {}


def _definitions(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = content.get("definitions")
    return dicts(found.get("subgraphs") if isinstance(found, Mapping) else None)


def _check_names(part: Part) -> None:
    for node_id, node in part.nodes.items():
        names = (socket.get("name") for socket in dicts(node.get("inputs")))
        refuse_excess(NAME, longest((node_id, node["type"], *names)))
        refuse_excess(TITLE, longest((node.get("title"),)))


def _links_in(part: Part) -> int:
    """The links, or the sockets where there are more of these: each is looked at."""
    sockets = sum(len(node["inputs"]) for node in part.nodes.values() if isinstance(node.get("inputs"), list))
    return max(len(part.links), sockets)


def _nodes(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    nodes: dict[str, Mapping[str, Any]] = {}
    for node in dicts(content.get("nodes")):
        if "id" not in node or not isinstance(node.get("type"), str):
            raise ImportRefused(f"a saved node has an id and a type; this one has not: {str(dict(node))[:80]}")
        nodes[str(node["id"])] = node
    return nodes


def _links(content: Mapping[str, Any]) -> dict[str, Link]:
    """Links by id; the graph itself saves each as a list, sub-graphs and newer versions as an object."""
    links: dict[str, Link] = {}
    saved = content.get("links") or []
    if not isinstance(saved, list):
        raise ImportRefused(f"the links cannot be read: {str(saved)[:80]}")
    for entry in saved:
        if isinstance(entry, list) and len(entry) >= 5:
            number, origin, origin_slot, target, target_slot = entry[:5]
        elif isinstance(entry, Mapping) and "origin_id" in entry and "target_id" in entry:
            number, origin, target = entry.get("id"), entry["origin_id"], entry["target_id"]
            origin_slot, target_slot = entry.get("origin_slot", 0), entry.get("target_slot", 0)
        elif entry is None:
            continue
        else:
            raise ImportRefused(f"a link cannot be read: {str(entry)[:80]}")
        if type(origin_slot) is not int or type(target_slot) is not int:
            raise ImportRefused(f"a link cannot be read: {str(entry)[:80]}")
        links[str(number)] = Link(str(origin), origin_slot, str(target), target_slot)
    return links
