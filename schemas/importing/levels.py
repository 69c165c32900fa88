"""The levels of a saved graph: the graph itself and, in each instance of a sub-graph, the nodes inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas.importing.form import ImportRefused

INPUTS, OUTPUTS = "-10", "-20"  # the two ends of a sub-graph, as its links name them
DEEPEST = 32


class Link(NamedTuple):
    """From an output of a node to an input of another, both on one level."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(frozen=True)
class Level:
    """One level. `prefix` makes a node's id unique over all levels, as the page does it (`121:199`).

    `given` are the values that the instance around this level has for the sub-graph's inputs, by name, and `proxied`
    those that it has for widgets inside, by (node id, widget).
    """

    prefix: str
    nodes: Mapping[str, Mapping[str, Any]]
    links: Mapping[str, Link]
    inner: dict[str, Level] = field(default_factory=dict)
    definition: Mapping[str, Any] = field(default_factory=dict)
    instance: Mapping[str, Any] = field(default_factory=dict)
    around: Level | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    proxied: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def all_levels(self) -> Iterator[Level]:
        yield self
        for level in self.inner.values():
            yield from level.all_levels()


def read_levels(content: Mapping[str, Any]) -> Level:
    """Every level of a saved graph; ImportRefused where its structure is damaged or contains itself."""
    definitions = content.get("definitions")
    found = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    known: dict[str, Mapping[str, Any]] = {}
    pending = _dicts(found)
    while pending:  # a definition may hold further ones
        one = pending.pop()
        known[str(one.get("id"))] = one
        deeper = one.get("definitions")
        pending += _dicts(deeper.get("subgraphs") if isinstance(deeper, Mapping) else None)
    level = Level("", _nodes(content), _links(content))
    _fill(level, known, ())
    return level


def _fill(level: Level, known: Mapping[str, Mapping[str, Any]], inside: tuple[str, ...]) -> None:
    for node_id, node in level.nodes.items():
        kind = str(node["type"])
        definition = known.get(kind)
        if definition is None:
            continue
        if kind in inside or len(inside) >= DEEPEST:
            raise ImportRefused(f"the sub-graph {definition.get('name') or kind} contains itself")
        given, proxied = _own_values(node, definition, known)
        inner = Level(
            f"{level.prefix}{node_id}:",
            _nodes(definition),
            _links(definition),
            definition=definition,
            instance=node,
            around=level,
            given=given,
            proxied=proxied,
        )
        level.inner[node_id] = inner
        _fill(inner, known, (*inside, kind))


def _own_values(
    node: Mapping[str, Any], definition: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
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
        names = [("-1", name) for name in promoted(definition, known)] + proxies
    given: dict[str, Any] = {}
    proxied: dict[tuple[str, str], Any] = {}
    for (inner, name), value in zip(names, values, strict=False):
        if value is None or isinstance(value, dict | list):
            continue
        if inner == "-1":
            given[name] = value
        else:
            proxied[inner, name] = value
    return given, proxied


def promoted(definition: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], depth: int = 0) -> list[str]:
    """The names of a sub-graph's inputs that are widgets inside, in order."""
    nodes, links = _nodes(definition), _links(definition)
    names: list[str] = []
    for slot, entry in enumerate(_dicts(definition.get("inputs"))):
        for link in links.values():
            if link.origin != INPUTS or link.origin_slot != slot or link.target not in nodes:
                continue
            target = nodes[link.target]
            sockets = _dicts(target.get("inputs"))
            socket = sockets[link.target_slot] if 0 <= link.target_slot < len(sockets) else {}
            nested = known.get(str(target["type"]))
            deep = nested is not None and depth < DEEPEST and socket.get("name") in promoted(nested, known, depth + 1)
            if socket.get("widget") or deep:
                names.append(str(entry.get("name")))
                break
    return names


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _nodes(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    nodes: dict[str, Mapping[str, Any]] = {}
    for node in _dicts(content.get("nodes")):
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
