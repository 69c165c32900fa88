"""One prompt as it is heard and as the history tells it: events, progress and outcome. No I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from devserver.comfy.errors import Failure, Interrupted, NotServing, PromptFailed, PromptLost, WorkerLost

State = Literal["success", "error", "interrupted", "lost"]

# SwarmUI's own nodes announce the kind of a result as a number of steps that is none.
MARKERS = frozenset({12345, 12346, 12347})
# What a host of ours names as the exception where its worker process ended; ComfyUI ends with its own.
WORKER_ENDED = "WorkerEnded"
# What is kept of an error's words: some quote a whole tensor.
LONGEST_KIND, LONGEST_MESSAGE = 200, 4000
DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|not enough space on the disk", re.IGNORECASE)
OUT_OF_MEMORY = re.compile(r"out of memory|allocation on device|unable to allocate|not enough memory", re.IGNORECASE)


@dataclass(frozen=True)
class PromptEvent:
    """Something that was heard about a prompt while it runs; `data` by `kind`.

    started: {}. cached: {nodes}. node: {node, class_type}. progress: {fraction 0..1 of the whole prompt, node,
    class_type, value, max}. preview: {node, image (bytes), mime}. output: {node, output}. partial: what the node sent.
    """

    kind: Literal["started", "cached", "node", "progress", "preview", "output", "partial"]
    data: dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """How a prompt ended.

    `outputs` is {node_id: {key: [...]}}, and may be filled where a later node failed. `cached` says that every
    listed output came from an earlier prompt, so its files are older than this one. `messages` are the history's own.
    """

    state: State
    outputs: dict[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    cached: bool = False
    messages: tuple[tuple[str, dict[str, Any]], ...] = ()

    def raise_for_state(self) -> None:
        """Raise `PromptFailed`, `WorkerLost`, `Interrupted` or `PromptLost` unless the prompt succeeded."""
        match self.state:
            case "success":
                return
            case "error" if self.error is not None and self.error.exception_type == WORKER_ENDED:
                raise WorkerLost(self.error.message)
            case "error":
                raise PromptFailed(self.error or Failure("the backend gave no reason"))
            case "interrupted":
                raise Interrupted("the prompt was stopped before its end")
            case "lost":
                raise PromptLost("the backend has the prompt neither in its queue nor in its history")


def outcome_of(entry: Mapping[str, Any]) -> Outcome:
    """The outcome that a history entry tells.

    Raises:
        NotServing: the entry has no outputs or no status.
    """
    status = entry.get("status") or {}
    outputs = entry.get("outputs")
    if not isinstance(outputs, dict) or not isinstance(status, dict):
        raise NotServing("the history's entry has no outputs or no status")
    messages = tuple(_messages(status.get("messages")))
    by_kind = dict(messages)
    if status.get("status_str") == "error":
        # Status does not tell an interrupted prompt from a failed one; the last message does.
        if messages and messages[-1][0] == "execution_interrupted":
            return Outcome("interrupted", outputs, messages=messages)
        return Outcome("error", outputs, failure_of(by_kind.get("execution_error")), messages=messages)
    nodes = by_kind.get("execution_cached", {}).get("nodes")
    cached_nodes = {str(node) for node in nodes} if isinstance(nodes, list) else set[str]()
    cached = bool(outputs) and set(outputs) <= cached_nodes
    return Outcome("success", outputs, cached=cached, messages=messages)


def failure_of(data: Mapping[str, Any] | None) -> Failure:
    """The failure that an `execution_error` describes."""
    if data is None:
        return Failure("the backend says that the prompt failed, and gives no reason")
    kind, message = str(data.get("exception_type") or ""), str(data.get("exception_message") or "").strip()
    kind, message = kind[:LONGEST_KIND], message[:LONGEST_MESSAGE]
    # "Cannot allocate memory" is no sign: it is what an encoder says about a sound of no length.
    short = kind.rpartition(".")[2]
    memory = short == "OutOfMemoryError" or kind == "MemoryError" or OUT_OF_MEMORY.search(message) is not None
    node_id = data.get("node_id")
    return Failure(
        message=message or kind or "no message",
        node_id=None if node_id is None else str(node_id),
        node_type=data.get("node_type"),
        exception_type=kind or None,
        out_of_memory=memory,
        disk_full=DISK_FULL.search(message) is not None,
    )


def _messages(listed: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for message in listed if isinstance(listed, list) else ():
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict):
            yield str(message[0]), message[1]


class Progress:
    """Turns a prompt's messages into events, each told once, with a fraction that never goes back.

    Every node counts the same, since `progress` alone is no measure: a decoder runs for seconds without a word.
    """

    def __init__(self, graph: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._graph = graph or {}
        self._parts: dict[str, float] = {}
        self._node: str | None = None
        self._fraction = 0.0
        self._told: set[str] = set()

    @property
    def heard(self) -> bool:
        """Whether anything at all was heard about the prompt."""
        return bool(self._told or self._parts)

    def read(self, kind: str, data: Mapping[str, Any]) -> Iterator[PromptEvent]:
        """The events that one message of the socket means; unknown messages mean none."""
        match kind:
            case "execution_start":
                yield from self._once("started", {})
            case "execution_cached":
                nodes = [str(node) for node in data.get("nodes") or []]
                yield from self._once("cached", {"nodes": nodes})
                yield from self._advance(dict.fromkeys(nodes, 1.0))
            case "executing":
                yield from self._enter(self._own_node(data.get("node"), data.get("display_node")))
            case "progress" if data.get("max") not in MARKERS:
                yield from self._advance({str(data.get("node")): _share(data)}, data)
            case "progress_state":
                states = [state for state in (data.get("nodes") or {}).values() if isinstance(state, dict)]
                parts = {str(state.get("node_id")): _share(state) for state in states}
                yield from self._advance(parts, next((state for state in states if _counts(state)), None))
            case "executed":
                node = self._own_node(data.get("node"), data.get("display_node"))
                if node is not None:
                    yield from self._once("output", {"node": node, "output": data.get("output") or {}})
                    yield from self._advance({node: 1.0})
            case "tonewright.partial":
                yield PromptEvent("partial", dict(data))

    def finish(self) -> Iterator[PromptEvent]:
        """The last event of a prompt that succeeded."""
        if self._fraction < 1.0:
            self._fraction = 1.0
            yield self._progress({})

    def _once(self, kind: Literal["started", "cached", "output"], data: dict[str, Any]) -> Iterator[PromptEvent]:
        key = f"{kind} {json.dumps(data, sort_keys=True, default=str)}" if kind == "output" else kind
        if key not in self._told:
            self._told.add(key)
            yield PromptEvent(kind, data)

    def _enter(self, node: str | None) -> Iterator[PromptEvent]:
        if node is None or node == self._node:
            return
        previous, self._node = self._node, node
        yield PromptEvent("node", {"node": node, "class_type": self._class_of(node)})
        # A node that another follows is done; nodes that run at the same time say more by progress_state.
        if previous is not None and self._parts.get(previous, 0.0) < 1.0:
            yield from self._advance({previous: 1.0})
        self._parts.setdefault(node, 0.0)

    def _advance(self, parts: Mapping[str, float], data: Mapping[str, Any] | None = None) -> Iterator[PromptEvent]:
        for node, part in parts.items():
            if not self._graph or node in self._graph:
                self._parts[node] = max(part, self._parts.get(node, 0.0))
        # Without the graph the number of nodes is a guess: those heard of, and one to come.
        total = len(self._graph) or len(self._parts) + 1
        fraction = min(1.0, sum(self._parts.values()) / total)
        if fraction > self._fraction:
            self._fraction = fraction
            yield self._progress(data or {})

    def _progress(self, data: Mapping[str, Any]) -> PromptEvent:
        node = self._node
        steps = {"value": data.get("value"), "max": data.get("max")}
        return PromptEvent(
            "progress", {"fraction": self._fraction, "node": node, "class_type": self._class_of(node), **steps}
        )

    def _class_of(self, node: str | None) -> str | None:
        return self._graph[node].get("class_type") if node is not None and node in self._graph else None

    def _own_node(self, node: Any, display_node: Any) -> str | None:
        """The node of the graph; one made by expansion at run time is shown as the node that it came from."""
        if node is None:
            return None
        return str(display_node) if str(display_node) in self._graph else str(node)


def _counts(state: Mapping[str, Any]) -> bool:
    """Whether a node runs and counts steps; one that does not count is said to be at 0 of 1."""
    most = state.get("max")
    return state.get("state") == "running" and isinstance(most, int | float) and most > 1 and most not in MARKERS


def _share(state: Mapping[str, Any]) -> float:
    """How much of a node is done, 0..1."""
    if state.get("state") == "finished":
        return 1.0
    value, most = state.get("value"), state.get("max")
    if not isinstance(value, int | float) or not isinstance(most, int | float) or most <= 0 or most in MARKERS:
        return 0.0
    return min(1.0, max(0.0, value / most))
