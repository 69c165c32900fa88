"""The levels of a saved graph: the graph itself and, in each instance of a sub-graph, the nodes inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from schemas.importing.subgraphs import Part, SavedNode, SubGraphs, read_part
from schemas.json_values import Json, JsonObject, read_list


@dataclass(frozen=True)
class Level:
    """One level. `prefix` makes a node's id unique over all levels, as the page does it (`121:199`).

    `given` are the values that the instance around this level has for the sub-graph's inputs, by name, and `proxied`
    those that it has for widgets inside, by (node id, widget).
    """

    prefix: str
    part: Part
    inner: dict[str, Level] = field(default_factory=dict)
    instance: SavedNode | None = None
    around: Level | None = None
    given: Mapping[str, Json] = field(default_factory=dict)
    proxied: Mapping[str, JsonObject] = field(default_factory=dict)

    @cached_property
    def linked(self) -> Mapping[str, Json]:
        """Return the links that the instance around this level gives to the sub-graph's inputs, by name."""
        links: JsonObject = {}
        for socket in self.instance.inputs if self.instance is not None else ():
            if socket.link is not None:
                links.setdefault(socket.name, socket.link)
        return links


def read_levels(content: JsonObject) -> Level:
    """Return every level of a saved graph; ImportRefused if it is damaged, contains itself or becomes too large."""
    known = SubGraphs(content)
    level = Level("", read_part(content))
    known.size(level.part)
    _fill(level, known)
    return level


def _fill(level: Level, known: SubGraphs) -> None:
    for node_id, node in level.part.nodes.items():
        part = known.of(node)
        if part is None:
            continue
        given, proxied = _own_values(node, known)
        inner = Level(f"{level.prefix}{node_id}:", part, instance=node, around=level, given=given, proxied=proxied)
        level.inner[node_id] = inner
        _fill(inner, known)


def _own_values(node: SavedNode, known: SubGraphs) -> tuple[JsonObject, dict[str, JsonObject]]:
    """Return the saved values of an instance: first its inputs that are widgets inside, then the widgets that it shows.

    Newer pages list both in `proxyWidgets`, an input of the instance itself under the node id -1.
    """
    shown = read_list(node.properties.get("proxyWidgets"))
    proxies = [(str(pair[0]), str(pair[1])) for pair in shown if isinstance(pair, list) and len(pair) >= 2]
    if any(inner == "-1" for inner, _ in proxies):
        names = proxies
    else:
        names = [("-1", name) for name in known.promoted_names(node)] + proxies
    given: JsonObject = {}
    proxied: dict[str, JsonObject] = {}
    for (inner, name), value in zip(names, read_list(node.widgets_values), strict=False):
        if value is None or isinstance(value, dict | list):
            continue
        if inner == "-1":
            given[name] = value
        else:
            proxied.setdefault(inner, {})[name] = value
    return given, proxied
