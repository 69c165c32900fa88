"""What a graph says about its own order and identity; nothing here runs a node."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Graph = dict[str, dict[str, Any]]
Table = dict[str, type[Any]]


def is_link(value: Any) -> bool:
    """A value of the form ``[node_id, slot]``."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
    )


def links(node: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """(input name, source node id, source slot) of every linked input."""
    for name, value in node["inputs"].items():
        if is_link(value):
            yield name, value[0], value[1]


def signatures(graph: Graph, own_mark: Callable[[str], str]) -> dict[str, str]:
    """A digest per node of everything that its result depends on, node ids left out.

    Args:
        graph: free of cycles among the nodes that run; a node that is part of one gets no signature.
        own_mark: what a node adds for itself: a file's hash, or a fresh value where it must run again.
    """
    done: dict[str, str] = {}
    open_nodes: set[str] = set()

    def sign(node_id: str) -> str | None:
        if node_id in done:
            return done[node_id]
        if node_id in open_nodes or node_id not in graph or "inputs" not in graph[node_id]:
            return None
        open_nodes.add(node_id)
        node = graph[node_id]
        sources = {name: (sign(source), slot) for name, source, slot in links(node)}
        open_nodes.discard(node_id)
        if any(signature is None for signature, _ in sources.values()):
            return None
        constants = {name: value for name, value in node["inputs"].items() if name not in sources}
        text = json.dumps([node["class_type"], own_mark(node_id), constants, sources], sort_keys=True)
        done[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return done[node_id]

    for node_id in graph:
        sign(node_id)
    return done


def needed(graph: Graph, outputs: Iterable[str], have: Callable[[str], bool]) -> dict[str, set[str]]:
    """The nodes that must be visited for `outputs`, each with the nodes that it waits for.

    A source whose result is already there is not visited; an output always is, so that its answer is repeated.
    """
    waits: dict[str, set[str]] = {}
    stack = list(reversed(list(outputs)))
    while stack:
        node_id = stack.pop()
        if node_id in waits:
            continue
        sources = dict.fromkeys(source for _, source, _ in links(graph[node_id]) if not have(source))
        waits[node_id] = set(sources)
        stack.extend(sources)
    return waits


def next_node(waits: dict[str, set[str]], is_output: Callable[[str], bool]) -> str:
    """The ready node to run now: an output first, then what feeds one, so that results are seen early."""
    ready = [node_id for node_id, sources in waits.items() if not sources]
    for node_id in ready:
        if is_output(node_id):
            return node_id
    for node_id in ready:
        if any(is_output(other) and node_id in sources for other, sources in waits.items()):
            return node_id
    return ready[0]
