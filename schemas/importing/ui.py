"""A graph as ComfyUI's page saves it, made into the form that ComfyUI runs, as the page does it when it is queued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from schemas.graph import Graph, InputValue, Link
from schemas.importing.form import ImportRefused, absent_classes_error, shorten
from schemas.importing.levels import Level, read_levels
from schemas.importing.subgraphs import INPUTS, SavedNode
from schemas.importing.widgets import widget_values
from schemas.json_values import Json, JsonObject
from schemas.node_table import NodeTable, types_fit

MUTED, BYPASSED = 2, 4
NOTES = ("Note", "MarkdownNote")
REROUTE, PRIMITIVE = "Reroute", "PrimitiveNode"


@dataclass(frozen=True)
class Constant:
    """A value in place of a link: of a primitive, or of an instance of a sub-graph."""

    value: InputValue


Origin = Link | Constant | None  # None where nothing comes


def convert(content: JsonObject, table: NodeTable) -> tuple[Graph, list[str]]:
    """Return the graph in API form, and what could not be taken over as it was.

    Raises:
        ImportRefused: naming every class that the table lacks, or what is damaged.
    """
    top = read_levels(content)
    active = [(level, node_id, node) for level, node_id, node in _active_nodes(top) if node.type not in NOTES]
    absent = [node.type for _, _, node in active if node.type not in table.classes]
    if absent:
        raise absent_classes_error(absent)
    growing = [
        f"node {level.prefix}{node_id} ({node.type})"
        for level, node_id, node in active
        if _has_dynamic_widgets(node, table)
    ]
    if growing:
        message = 'these nodes have widgets that come and go, and the saved form does not name them; use "Export (API)"'
        raise ImportRefused(message, growing)
    graph: Graph = {}
    warnings: list[str] = []
    origins = _Origins()
    for level, node_id, node in active:
        node_class = table.classes[node.type]
        saved, left = widget_values(node_class, node.widgets_values)
        name = level.prefix + node_id
        if left:
            what = ", ".join(shorten(map(repr, left)))
            warnings.append(f"node {name} ({node_class.name}) was saved with values that it has no input for: {what}")
        saved |= level.proxied.get(node_id, {})
        inputs = {key: value for key, value in saved.items() if key in node_class.inputs}
        for socket in node.inputs:
            origin = origins.of(level, socket.link)
            if origin is not None:
                inputs[socket.name] = origin.value if isinstance(origin, Constant) else [*origin]
        order = {key: place for place, key in enumerate(node_class.inputs)}
        ordered = dict(sorted(inputs.items(), key=lambda item: order.get(item[0], len(order))))
        graph[name] = {"class_type": node_class.name, "inputs": ordered}
        if node.title:
            graph[name]["_meta"] = {"title": node.title}
    return graph, warnings


def _active_nodes(level: Level) -> list[tuple[Level, str, SavedNode]]:
    """Return the nodes to send: none that is muted, bypassed, only of the page, or an instance itself."""
    active: list[tuple[Level, str, SavedNode]] = []
    for node_id, node in level.part.nodes.items():
        if node.mode in (MUTED, BYPASSED) or node.type in (REROUTE, PRIMITIVE):
            continue
        if node_id in level.inner:
            active += _active_nodes(level.inner[node_id])
        else:
            active.append((level, node_id, node))
    return active


def _has_dynamic_widgets(node: SavedNode, table: NodeTable) -> bool:
    """Tell whether a choice decides which further widgets there are, so that saved values are ambiguous."""
    return any(entry.type.startswith("COMFY_DYNAMICCOMBO") for entry in table.classes[node.type].inputs.values())


class _Origins:
    """The true origins of inputs: behind reroutes, bypassed nodes and the edges of sub-graphs.

    Each output on the way is looked at once, however many links lead through it.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], Origin] = {}

    def of(self, level: Level, link: Json) -> Origin:
        """Return the origin of a link by its number; None where nothing comes."""
        step = _at(level, link)
        way: dict[tuple[str, str, int], None] = {}
        while isinstance(step, _Output):
            key = (step.level.prefix, step.node, step.slot)
            if key in self._found:
                step = self._found[key]
                break
            if key in way:
                raise ImportRefused(f"the links run in a circle at node {step.level.prefix}{step.node}")
            way[key] = None
            step = _before(step)
        self._found |= dict.fromkeys(way, step)
        return step


class _Output(NamedTuple):
    """An output of a node, of which it is not known yet what gives it."""

    level: Level
    node: str
    slot: int


Step = _Output | Origin


def _at(level: Level, link: Json) -> Step:
    saved = level.part.links.get(str(link))
    return None if saved is None else _Output(level, saved.origin, saved.origin_slot)


def _before(output: _Output) -> Step:
    """Return the source of an output: another output, or in the end a node, a value or nothing."""
    level, origin, slot = output
    if origin == INPUTS and level.around is not None:
        return _from_around(level, slot)
    node = level.part.nodes.get(origin)
    if node is None or node.mode == MUTED or node.type in NOTES:
        return None
    if node.mode == BYPASSED or node.type == REROUTE:
        passed = 0 if node.type == REROUTE else _bypass_input(node, slot)
        return None if passed is None else _at(level, node.input_at(passed).link)
    if node.type == PRIMITIVE:
        values = node.widgets_values
        return Constant(values[0]) if isinstance(values, list) and values else None
    if origin not in level.inner:
        return Link(level.prefix + origin, slot)
    inner = level.inner[origin]
    outlet = inner.part.outlets.get(slot)
    return None if outlet is None else _Output(inner, outlet.origin, outlet.origin_slot)


def _from_around(level: Level, slot: int) -> Step:
    """Return the value of an instance for an input of its sub-graph: its link, or else its own value."""
    names = level.part.input_names
    if level.around is None or not 0 <= slot < len(names):
        return None
    name = names[slot]
    if name in level.linked:
        return _at(level.around, level.linked[name])
    return Constant(level.given[name]) if name in level.given else None


def _bypass_input(node: SavedNode, slot: int) -> int | None:
    """Return the input that a bypassed node passes to an output: at the same place, else of the same type."""
    if not 0 <= slot < len(node.outputs):
        return None
    wanted = node.outputs[slot].type
    kinds = [socket.type for socket in node.inputs]
    if wanted in ("*", ""):
        return slot if slot < len(kinds) else 0 if kinds else None
    if slot < len(kinds) and types_fit(kinds[slot], wanted):
        return slot
    exact = (place for place, kind in enumerate(kinds) if kind == wanted)
    loose = (place for place, kind in enumerate(kinds) if types_fit(kind, wanted))
    return next(exact, next(loose, None))
