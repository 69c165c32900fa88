"""The order and the signatures of a graph's nodes; nothing here runs a node."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from schemas.graph import Graph, links_of
from schemas.json_values import is_deeper

R = TypeVar("R")
Walk = Generator[str, R, R]
MOST_NODES: Final = 10_000
MOST_LINKS: Final = 50_000
DEEPEST: Final = 64  # levels of lists and objects within a node


def describe_excess(graph: Graph) -> str:
    """Describe the limit that a graph exceeds; '' if there is none."""
    if len(graph) > MOST_NODES:
        return f"the prompt has {len(graph)} nodes; at most {MOST_NODES} are allowed"
    inputs = [values for node in graph.values() if isinstance(values := node.get("inputs"), dict)]
    linked = sum(isinstance(value, list) for entry in inputs for value in entry.values())
    if linked > MOST_LINKS:
        return f"the prompt has {linked} links; at most {MOST_LINKS} are allowed"
    if is_deeper(graph, DEEPEST + 1):
        return f"a node of the prompt is nested deeper than {DEEPEST} levels"
    return ""


def signatures(graph: Graph, node_mark: Callable[[str], str]) -> dict[str, str]:
    """Return a digest per node of everything that its result depends on, without node ids.

    Args:
        graph: without cycles among the nodes that run; a node in a cycle gets no signature.
        node_mark: a node's own part: a file's hash, or a fresh value if it must run again.
    """
    done: dict[str, str] = {}
    open_nodes: set[str] = set()

    def sign(node_id: str) -> Walk[str | None]:
        if node_id in done:
            return done[node_id]
        if node_id in open_nodes or node_id not in graph or "inputs" not in graph[node_id]:
            return None
        open_nodes.add(node_id)
        node = graph[node_id]
        sources = {}
        for name, link in links_of(node):
            sources[name] = ((yield link.node), link.slot)
        open_nodes.discard(node_id)
        if any(signature is None for signature, _ in sources.values()):
            return None
        constants = {name: value for name, value in node["inputs"].items() if name not in sources}
        text = json.dumps([node["class_type"], node_mark(node_id), constants, sources], sort_keys=True)
        done[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return done[node_id]

    for node_id in graph:
        walk(sign, node_id)
    return done


def walk(visit: Callable[[str], Walk[R]], node_id: str) -> R:
    """Return the result of a node's visit; a visit yields each node whose result it needs, and gets that result.

    So a chain of nodes may have any length; recursive calls would fail at a few hundred.
    """
    stack = [visit(node_id)]
    results: list[R] = []  # the result that the top visit waits for; empty when it begins
    error: Exception | None = None
    while stack:
        top = stack[-1]
        try:
            wanted_id = top.throw(error) if error is not None else top.send(results.pop()) if results else next(top)
        except StopIteration as end:
            stack.pop()
            results, error = [end.value], None
        except Exception as raised:  # noqa: BLE001 - passed to the visit that waits for it, or raised here
            stack.pop()
            results, error = [], raised
        else:
            stack.append(visit(wanted_id))
            error = None
    if error is not None:
        raise error
    return results[0]


def plan_nodes(graph: Graph, outputs: Iterable[str], has_result: Callable[[str], bool]) -> dict[str, set[str]]:
    """Return the nodes that must be visited for `outputs`, each with the nodes that it waits for.

    A source with a cached result is not visited; an output always is, so that its answer is repeated.
    """
    waits: dict[str, set[str]] = {}
    stack = list(reversed(list(outputs)))
    while stack:
        node_id = stack.pop()
        if node_id in waits:
            continue
        sources = dict.fromkeys(link.node for _, link in links_of(graph[node_id]) if not has_result(link.node))
        waits[node_id] = set(sources)
        stack.extend(sources)
    return waits


class Schedule:
    """The order in which nodes run: ready outputs first, then their direct sources, so that results appear early.

    Args:
        waits: each node with those that it waits for, as `plan_nodes` returns them.
        is_output: whether a node is an output.
    """

    def __init__(self, waits: Mapping[str, set[str]], is_output: Callable[[str], bool]) -> None:
        self._left = {node_id: len(sources) for node_id, sources in waits.items()}
        self._waiting: dict[str, list[str]] = {}
        feeds: set[str] = set()
        for node_id, sources in waits.items():
            for source in sources:
                self._waiting.setdefault(source, []).append(node_id)
            if is_output(node_id):
                feeds |= sources
        self._ranks = {
            node_id: (0 if is_output(node_id) else 1 if node_id in feeds else 2, place)
            for place, node_id in enumerate(waits)
        }
        self._ready = [(self._ranks[node_id], node_id) for node_id, left in self._left.items() if not left]
        heapq.heapify(self._ready)

    def __iter__(self) -> Iterator[str]:
        """Yield each node after all that it waits for."""
        while self._ready:
            _, node_id = heapq.heappop(self._ready)
            yield node_id
            for other in self._waiting.get(node_id, ()):
                self._left[other] -= 1
                if not self._left[other]:
                    heapq.heappush(self._ready, (self._ranks[other], other))
