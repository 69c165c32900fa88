"""What a graph says about its own order and identity; nothing here runs a node."""

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
DEEPEST: Final = 64  # lists and objects in each other within a node


def excess(graph: Graph) -> str:
    """Say by how much a graph is larger than one may be; '' where it is not."""
    if len(graph) > MOST_NODES:
        return f"the prompt has {len(graph)} nodes; at most {MOST_NODES} are allowed"
    inputs = [given for node in graph.values() if isinstance(given := node.get("inputs"), dict)]
    linked = sum(isinstance(value, list) for entry in inputs for value in entry.values())
    if linked > MOST_LINKS:
        return f"the prompt has {linked} links; at most {MOST_LINKS} are allowed"
    if is_deeper(graph, DEEPEST + 1):
        return f"a node of the prompt is nested deeper than {DEEPEST} levels"
    return ""


def signatures(graph: Graph, own_mark: Callable[[str], str]) -> dict[str, str]:
    """A digest per node of everything that its result depends on, node ids left out.

    Args:
        graph: free of cycles among the nodes that run; a node that is part of one gets no signature.
        own_mark: what a node adds for itself: a file's hash, or a fresh value where it must run again.
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
        text = json.dumps([node["class_type"], own_mark(node_id), constants, sources], sort_keys=True)
        done[node_id] = hashlib.sha256(text.encode()).hexdigest()
        return done[node_id]

    for node_id in graph:
        walked(sign, node_id)
    return done


def walked(visit: Callable[[str], Walk[R]], node_id: str) -> R:
    """What a visit of a node returns; it yields each node whose own visit it needs and gets what that returned.

    So a chain of nodes may be as long as it likes; calls in each other would end at a few hundred.
    """
    stack = [visit(node_id)]
    given: list[R] = []  # what the visit on top asked for; nothing where it begins
    error: Exception | None = None
    while stack:
        top = stack[-1]
        try:
            wanted = top.throw(error) if error is not None else top.send(given.pop()) if given else next(top)
        except StopIteration as end:
            stack.pop()
            given, error = [end.value], None
        except Exception as raised:  # noqa: BLE001 - passed on to the visit that asked, or raised here where none did
            stack.pop()
            given, error = [], raised
        else:
            stack.append(visit(wanted))
            error = None
    if error is not None:
        raise error
    return given[0]


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
        sources = dict.fromkeys(link.node for _, link in links_of(graph[node_id]) if not have(link.node))
        waits[node_id] = set(sources)
        stack.extend(sources)
    return waits


class Schedule:
    """In which order nodes run: a ready output first, then what feeds one, so that results are seen early.

    Args:
        waits: each node with those that it waits for, as `needed` gives them.
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
        """Each node when everything that it waits for has come before it."""
        while self._ready:
            _, node_id = heapq.heappop(self._ready)
            yield node_id
            for other in self._waiting.get(node_id, ()):
                self._left[other] -= 1
                if not self._left[other]:
                    heapq.heappush(self._ready, (self._ranks[other], other))
