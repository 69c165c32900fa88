"""The nodes and links of a saved graph and of its sub-graphs: each read once, and counted before any is expanded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from schemas.importing.form import ImportRefused, refuse_excess
from schemas.json_values import Json, JsonObject, read_list, read_object, read_text
from schemas.limits import BYTES, LEVELS, LINKS, NAME, NODES, TITLE, longest

INPUTS, OUTPUTS = "-10", "-20"  # the two ends of a sub-graph, as its links name them


class SavedLink(NamedTuple):
    """From an output of a node to an input of another, both on one level."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


class Socket(NamedTuple):
    """An input or an output of a saved node. `widget` is set where it stands for a widget of the node."""

    name: str
    type: str
    link: Json = None
    widget: bool = False


NO_SOCKET = Socket("None", "None")


@dataclass(frozen=True)
class SavedNode:
    """A node as ComfyUI's page saves it; a link names an input or output by its place."""

    type: str
    mode: Json
    title: str
    inputs: tuple[Socket, ...]
    outputs: tuple[Socket, ...]
    widgets_values: Json
    properties: JsonObject
    size_bytes: int

    def input_at(self, slot: int) -> Socket:
        """Return the input that a link names; one without a link where there is none."""
        return self.inputs[slot] if 0 <= slot < len(self.inputs) else NO_SOCKET


class Size(NamedTuple):
    """The size of a part with every sub-graph in it expanded."""

    nodes: int
    links: int
    levels: int
    bytes: int


@dataclass(frozen=True)
class Part:
    """A list of nodes and their links, as the graph itself and each of its sub-graphs are saved."""

    name: str
    nodes: Mapping[str, SavedNode]
    links: Mapping[str, SavedLink]
    input_names: tuple[str, ...]

    @cached_property
    def inlets(self) -> Mapping[int, list[SavedLink]]:
        """Return the links that begin at each input of the sub-graph."""
        by_slot: dict[int, list[SavedLink]] = {}
        for link in self.links.values():
            if link.origin == INPUTS:
                by_slot.setdefault(link.origin_slot, []).append(link)
        return by_slot

    @cached_property
    def outlets(self) -> Mapping[int, SavedLink]:
        """Return the first link that ends at each output of the sub-graph."""
        by_slot: dict[int, SavedLink] = {}
        for link in self.links.values():
            if link.target == OUTPUTS:
                by_slot.setdefault(link.target_slot, link)
        return by_slot


class SubGraphs:
    """The sub-graphs of a saved graph, by the type of the nodes that stand for them."""

    def __init__(self, content: JsonObject) -> None:
        self._saved: dict[str, JsonObject] = {}
        pending = _definitions(content)
        while pending:  # a definition may hold further ones
            definition = pending.pop()
            self._saved[str(definition.get("id"))] = definition
            pending += _definitions(definition)
        self._parts: dict[str, Part] = {}
        self._sizes: dict[str, Size] = {}
        self._promoted: dict[str, tuple[str, ...]] = {}
        self._known_as_promoted: set[tuple[str, str]] = set()

    def of(self, node: SavedNode) -> Part | None:
        """Return the sub-graph that a node is an instance of; None where it is a plain node."""
        kind = node.type
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
        size_bytes = sum(node.size_bytes for node in part.nodes.values())
        for node_id, node in part.nodes.items():
            inner = self.of(node)
            if inner is None:
                continue
            kind = node.type
            if kind in inside:
                raise ImportRefused(f"the sub-graph {inner.name or kind} contains itself")
            if kind not in self._sizes:
                self._sizes[kind] = self.size(inner, (*inside, kind))
            size = self._sizes[kind]
            nodes, links, levels = nodes + size.nodes, links + size.links, max(levels, size.levels + 1)
            size_bytes += size.bytes + (len(node_id) + 1) * size.nodes  # its id begins those of the nodes in it
        if not inside:
            for limit, value in ((LEVELS, levels), (NODES, nodes), (LINKS, links), (BYTES, size_bytes)):
                refuse_excess(limit, value)
        return Size(nodes, links, levels, size_bytes)

    def promoted_names(self, node: SavedNode) -> tuple[str, ...]:
        """Return the names of an instance's inputs that are widgets inside its sub-graph, in order."""
        kind, part = node.type, self.of(node)
        if part is None:
            return ()
        if kind not in self._promoted:
            names = tuple(name for slot, name in enumerate(part.input_names) if self._is_widget(part, slot))
            self._promoted[kind] = names
            self._known_as_promoted.update((kind, name) for name in names)
        return self._promoted[kind]

    def _is_widget(self, part: Part, slot: int) -> bool:
        for link in part.inlets.get(slot, ()):
            target = part.nodes.get(link.target)
            if target is None:
                continue
            socket = target.input_at(link.target_slot)
            self.promoted_names(target)
            if socket.widget or (target.type, socket.name) in self._known_as_promoted:
                return True
        return False


def read_part(content: JsonObject) -> Part:
    """Return the nodes and links of a graph or a sub-graph; ImportRefused where they are damaged."""
    names = tuple(str(entry.get("name")) for entry in _objects(content.get("inputs")))
    return Part(read_text(content.get("name")), _nodes(content), _links(content), names)


def _objects(value: Json) -> list[JsonObject]:
    return [entry for entry in read_list(value) if isinstance(entry, dict)]


def _sockets(value: Json) -> tuple[Socket, ...]:
    """Return a node's inputs or outputs; one that is damaged keeps its place."""
    entries = map(read_object, read_list(value))
    return tuple(
        Socket(str(each.get("name")), str(each.get("type")), each.get("link"), bool(each.get("widget")))
        for each in entries
    )


def _definitions(content: JsonObject) -> list[JsonObject]:
    return _objects(read_object(content.get("definitions")).get("subgraphs"))


def _check_names(part: Part) -> None:
    for node_id, node in part.nodes.items():
        refuse_excess(NAME, longest((node_id, node.type, *(socket.name for socket in node.inputs))))
        refuse_excess(TITLE, len(node.title))


def _links_in(part: Part) -> int:
    """Return the links, or the sockets where there are more of these: each is looked at."""
    sockets = sum(len(node.inputs) for node in part.nodes.values())
    return max(len(part.links), sockets)


def _nodes(content: JsonObject) -> dict[str, SavedNode]:
    nodes: dict[str, SavedNode] = {}
    for node in _objects(content.get("nodes")):
        kind, title = node.get("type"), node.get("title")
        if "id" not in node or not isinstance(kind, str):
            raise ImportRefused(f"a saved node has an id and a type; this one has not: {str(node)[:80]}")
        nodes[str(node["id"])] = SavedNode(
            type=kind,
            mode=node.get("mode", 0),
            title=title if isinstance(title, str) else "",
            inputs=_sockets(node.get("inputs")),
            outputs=_sockets(node.get("outputs")),
            widgets_values=node.get("widgets_values"),
            properties=read_object(node.get("properties")),
            size_bytes=len(json.dumps(node)),
        )
    return nodes


def _links(content: JsonObject) -> dict[str, SavedLink]:
    """Return links by id; the graph itself saves each as a list, sub-graphs and newer versions as an object."""
    links: dict[str, SavedLink] = {}
    saved = content.get("links") or []
    if not isinstance(saved, list):
        raise ImportRefused(f"the links cannot be read: {str(saved)[:80]}")
    for entry in saved:
        if isinstance(entry, list) and len(entry) >= 5:
            number, origin, origin_slot, target, target_slot = entry[:5]
        elif isinstance(entry, dict) and "origin_id" in entry and "target_id" in entry:
            number, origin, target = entry.get("id"), entry["origin_id"], entry["target_id"]
            origin_slot, target_slot = entry.get("origin_slot", 0), entry.get("target_slot", 0)
        elif entry is None:
            continue
        else:
            raise ImportRefused(f"a link cannot be read: {str(entry)[:80]}")
        if type(origin_slot) is not int or type(target_slot) is not int:
            raise ImportRefused(f"a link cannot be read: {str(entry)[:80]}")
        links[str(number)] = SavedLink(str(origin), origin_slot, str(target), target_slot)
    return links
