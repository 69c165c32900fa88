"""The levels of a saved graph: the graph itself and, in each instance of a sub-graph, the nodes inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from schemas.importing.subgraphs import Part, SubGraphs, dicts, read_part


@dataclass(frozen=True)
class Level:
    """One level. `prefix` makes a node's id unique over all levels, as the page does it (`121:199`).

    `given` are the values that the instance around this level has for the sub-graph's inputs, by name, and `proxied`
    those that it has for widgets inside, by (node id, widget).
    """

    prefix: str
    part: Part
    inner: dict[str, Level] = field(default_factory=dict)
    instance: Mapping[str, Any] = field(default_factory=dict)
    around: Level | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    proxied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def linked(self) -> Mapping[str, Any]:
        """The links that the instance around this level gives to the sub-graph's inputs, by name."""
        found: dict[str, Any] = {}
        for socket in dicts(self.instance.get("inputs")):
            if socket.get("link") is not None:
                found.setdefault(str(socket.get("name")), socket["link"])
        return found


def read_levels(content: Mapping[str, Any]) -> Level:
    """Every level of a saved graph; ImportRefused where it is damaged, contains itself or would become too large."""
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


def _own_values(node: Mapping[str, Any], known: SubGraphs) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What an instance was saved with: first its inputs that are widgets inside, then the widgets that it shows.

    Newer pages list both in `proxyWidgets`, an input of the instance itself under the node id -1.
    """
    saved = node.get("widgets_values")
    values = list(saved) if isinstance(saved, list) else []
    properties = node.get("properties")
    shown = properties.get("proxyWidgets") if isinstance(properties, Mapping) else None
    proxies = [(str(one[0]), str(one[1])) for one in shown or [] if isinstance(one, list) and len(one) >= 2]
    if any(inner == "-1" for inner, _ in proxies):
        names = proxies
    else:
        names = [("-1", name) for name in known.promoted(node)] + proxies
    given: dict[str, Any] = {}
    proxied: dict[str, dict[str, Any]] = {}
    for (inner, name), value in zip(names, values, strict=False):
        if value is None or isinstance(value, dict | list):
            continue
        if inner == "-1":
            given[name] = value
        else:
            proxied.setdefault(inner, {})[name] = value
    return given, proxied
