"""A graph as ComfyUI's page saves it, made into the form that ComfyUI runs, as the page does it when it is queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.importing.form import ImportRefused, absent_classes
from schemas.importing.levels import INPUTS, OUTPUTS, Level, read_levels
from schemas.importing.widgets import widget_values
from schemas.node_table import NodeTable, types_fit
from schemas.nodes import Graph

MUTED, BYPASSED = 2, 4
NOTES = ("Note", "MarkdownNote")
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"
LONGEST_WAY = 400  # levels, reroutes and bypassed nodes on the way of one link


@dataclass(frozen=True)
class Constant:
    """A value that stands where a link was: of a primitive, or of an instance of a sub-graph."""

    value: Any


Origin = list[Any] | Constant | None  # a link in API form, a value, or nothing


def convert(content: Mapping[str, Any], table: NodeTable) -> tuple[Graph, list[str]]:
    """The graph in API form, and what could not be taken over as it was.

    Raises:
        ImportRefused: naming every class that the table lacks, or what is damaged.
    """
    top = read_levels(content)
    active = [(level, node_id, node) for level, node_id, node in _active(top) if str(node["type"]) not in NOTES]
    absent = [str(node["type"]) for _, _, node in active if str(node["type"]) not in table.classes]
    if absent:
        raise absent_classes(absent)
    growing = [
        f"node {level.prefix}{node_id} ({node['type']})" for level, node_id, node in active if _grows(node, table)
    ]
    if growing:
        message = 'these nodes have widgets that come and go, and the saved form does not name them; use "Export (API)"'
        raise ImportRefused(message, growing)
    graph: Graph = {}
    warnings: list[str] = []
    for level, node_id, node in active:
        node_class = table.classes[str(node["type"])]
        saved, left = widget_values(node_class, node.get("widgets_values"))
        name = level.prefix + node_id
        if left:
            what = ", ".join(map(repr, left))
            warnings.append(f"node {name} ({node_class.name}) was saved with values that it has no input for: {what}")
        saved |= {widget: value for (inner, widget), value in level.proxied.items() if inner == node_id}
        inputs = {key: value for key, value in saved.items() if key in node_class.inputs}
        for slot, socket in enumerate(_sockets(node, "inputs")):
            origin = _origin_of(level, node, slot, 0)
            key = str(socket.get("name"))
            if isinstance(origin, Constant):
                inputs[key] = origin.value
            elif origin is not None:
                inputs[key] = origin
        order = {key: place for place, key in enumerate(node_class.inputs)}
        ordered = dict(sorted(inputs.items(), key=lambda item: order.get(item[0], len(order))))
        graph[name] = {"class_type": node_class.name, "inputs": ordered}
        if isinstance(title := node.get("title"), str) and title:
            graph[name]["_meta"] = {"title": title}
    return graph, warnings


def _active(level: Level) -> list[tuple[Level, str, Mapping[str, Any]]]:
    """The nodes that are sent: not what is muted or bypassed, what only the page knows, or an instance itself."""
    found: list[tuple[Level, str, Mapping[str, Any]]] = []
    for node_id, node in level.nodes.items():
        if node.get("mode", 0) in (MUTED, BYPASSED) or node["type"] in (REROUTE, PRIMITIVE):
            continue
        if node_id in level.inner:
            found += _active(level.inner[node_id])
        else:
            found.append((level, node_id, node))
    return found


def _grows(node: Mapping[str, Any], table: NodeTable) -> bool:
    """Whether a choice decides which further widgets there are, so that saved values cannot be told apart."""
    return any(
        entry.type.startswith("COMFY_DYNAMICCOMBO") for entry in table.classes[str(node["type"])].inputs.values()
    )


def _sockets(node: Mapping[str, Any], side: str) -> list[Mapping[str, Any]]:
    """A node's inputs or outputs as saved; their place is the slot that links name."""
    saved = node.get(side)
    return [entry if isinstance(entry, Mapping) else {} for entry in saved] if isinstance(saved, list) else []


def _origin_of(level: Level, node: Mapping[str, Any], slot: int, way: int) -> Origin:
    """Where an input of a node really comes from."""
    sockets = _sockets(node, "inputs")
    link = level.links.get(str(sockets[slot].get("link"))) if 0 <= slot < len(sockets) else None
    return None if link is None else _follow(level, link.origin, link.origin_slot, way)


def _follow(level: Level, origin: str, slot: int, way: int) -> Origin:
    """An output's source behind reroutes, bypassed nodes and the edges of sub-graphs; None where nothing comes."""
    if way > LONGEST_WAY:
        raise ImportRefused(f"the links run in a circle at node {level.prefix}{origin}")
    if origin == INPUTS and level.around is not None:
        return _from_around(level, slot, way + 1)
    node = level.nodes.get(origin)
    if node is None or node.get("mode", 0) == MUTED or node["type"] in NOTES:
        return None
    if node.get("mode", 0) == BYPASSED or node["type"] == REROUTE:
        passed = 0 if node["type"] == REROUTE else _passed_on(node, slot)
        return None if passed is None else _origin_of(level, node, passed, way + 1)
    if node["type"] == PRIMITIVE:
        values = node.get("widgets_values")
        return Constant(values[0]) if isinstance(values, list) and values else None
    return _out_of(level.inner[origin], slot, way + 1) if origin in level.inner else [level.prefix + origin, slot]


def _out_of(inner: Level, slot: int, way: int) -> Origin:
    """What a sub-graph gives at an output."""
    for link in inner.links.values():
        if link.target == OUTPUTS and link.target_slot == slot:
            return _follow(inner, link.origin, link.origin_slot, way)
    return None


def _from_around(level: Level, slot: int, way: int) -> Origin:
    """What an instance gives to the input of its sub-graph: its link, or else its own value."""
    entries = _sockets(level.definition, "inputs")
    if level.around is None or not 0 <= slot < len(entries):
        return None
    name = str(entries[slot].get("name"))
    for place, socket in enumerate(_sockets(level.instance, "inputs")):
        if socket.get("name") == name and socket.get("link") is not None:
            return _origin_of(level.around, level.instance, place, way)
    return Constant(level.given[name]) if name in level.given else None


def _passed_on(node: Mapping[str, Any], slot: int) -> int | None:
    """The input that a bypassed node hands on at an output: the one at the same place, else one of the same type."""
    inputs, outputs = _sockets(node, "inputs"), _sockets(node, "outputs")
    if not 0 <= slot < len(outputs):
        return None
    wanted = str(outputs[slot].get("type"))
    kinds = [str(entry.get("type")) for entry in inputs]
    if wanted in ("*", ""):
        return slot if slot < len(kinds) else 0 if kinds else None
    if slot < len(kinds) and types_fit(kinds[slot], wanted):
        return slot
    exact = (place for place, kind in enumerate(kinds) if kind == wanted)
    loose = (place for place, kind in enumerate(kinds) if types_fit(kind, wanted))
    return next(exact, next(loose, None))
