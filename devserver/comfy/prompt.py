"""One prompt, from the socket's messages and the history: events, progress and outcome. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from devserver.comfy.errors import Failure, Interrupted, NotServing, PromptFailed, PromptLost, WorkerLost
from devserver.comfy.messages import (
    MARKERS,
    Message,
    NodeDone,
    NodeEntered,
    NodeProgress,
    NodesCached,
    NodeState,
    PieceMade,
    PreviewSeen,
)
from devserver.errors.sentences import Quoted, say
from schemas.graph import Graph
from schemas.json_values import Json, JsonObject, read_list, read_text

State = Literal["success", "error", "interrupted", "lost"]

# The exception that a host of ours reports when its worker process ended; ComfyUI itself ends with its worker.
WORKER_ENDED = "WorkerEnded"
# Limits for the texts of an error: some quote a whole tensor.
LONGEST_KIND, LONGEST_MESSAGE = 200, 4000
DISK_FULL = re.compile(r"no space left on device|disk quota exceeded|not enough space on the disk", re.IGNORECASE)
OUT_OF_MEMORY = re.compile(r"out of memory|allocation on device|unable to allocate|not enough memory", re.IGNORECASE)


@dataclass(frozen=True)
class NodeStarted:
    """A node of the graph begins."""

    kind: ClassVar[Literal["node"]] = "node"
    node: str
    class_type: str | None


@dataclass(frozen=True)
class ProgressUpdate:
    """The fraction of the whole prompt that is done, 0..1, and the step of the running node, if it counts steps."""

    kind: ClassVar[Literal["progress"]] = "progress"
    fraction: float
    node: str | None
    class_type: str | None
    value: float | None
    max: float | None


# The events of a running prompt.
PromptEvent = NodeStarted | ProgressUpdate | PreviewSeen | PieceMade


@dataclass(frozen=True)
class Outcome:
    """The end of a prompt.

    `outputs` is {node_id: {key: [...]}}, and may be filled if a later node failed. `cached` says that every listed
    output came from an earlier prompt, so its files are older than this one; `cached_nodes` are all that did.
    `seconds` is the time from its start to its end by the backend's clock, where it tells both.
    """

    state: State
    outputs: dict[str, JsonObject] = field(default_factory=dict)
    error: Failure | None = None
    cached: bool = False
    cached_nodes: frozenset[str] = frozenset()
    seconds: float | None = None

    def raise_for_state(self) -> None:
        """Raise `PromptFailed`, `WorkerLost`, `Interrupted` or `PromptLost` unless the prompt succeeded."""
        match self.state:
            case "success":
                return
            case "error" if self.error is not None and self.error.exception_type == WORKER_ENDED:
                raise WorkerLost(say("worker_ended", problem=Quoted(self.error.message)))
            case "error":
                raise PromptFailed(self.error or Failure("the backend gave no reason"))
            case "interrupted":
                raise Interrupted(say("prompt_interrupted"))
            case "lost":
                raise PromptLost(say("prompt_unknown"))


def parse_outcome(entry: JsonObject) -> Outcome:
    """Return the outcome in a history entry.

    Raises:
        NotServing: the entry has no outputs or no status.
    """
    status = entry.get("status") or {}
    listed = entry.get("outputs")
    if not isinstance(listed, dict) or not isinstance(status, dict):
        raise NotServing("the history's entry has no outputs or no status")
    outputs = {node: result for node, result in listed.items() if isinstance(result, dict)}
    messages = tuple(_messages(status.get("messages")))
    by_kind = dict(messages)
    if status.get("status_str") == "error":
        # The status is the same for an interrupted and a failed prompt; the last message differs.
        if messages and messages[-1][0] == "execution_interrupted":
            return Outcome("interrupted", outputs)
        return Outcome("error", outputs, parse_failure(by_kind.get("execution_error")))
    cached_nodes = frozenset(str(node) for node in read_list(by_kind.get("execution_cached", {}).get("nodes")))
    cached = bool(listed) and set(listed) <= cached_nodes
    return Outcome("success", outputs, cached=cached, cached_nodes=cached_nodes, seconds=_seconds(by_kind))


def _seconds(by_kind: Mapping[str, JsonObject]) -> float | None:
    """Return the seconds between the messages of a prompt's start and end."""
    times = [by_kind.get(kind, {}).get("timestamp") for kind in ("execution_start", "execution_success")]
    begin_ms, end_ms = times
    if not isinstance(begin_ms, int | float) or not isinstance(end_ms, int | float) or end_ms < begin_ms:
        return None
    return (end_ms - begin_ms) / 1000


def parse_failure(data: JsonObject | None) -> Failure:
    """Return the failure that an `execution_error` describes."""
    if data is None:
        return Failure("the backend reports that the prompt failed, and gives no reason")
    kind, message = read_text(data.get("exception_type")), read_text(data.get("exception_message")).strip()
    kind, message = kind[:LONGEST_KIND], message[:LONGEST_MESSAGE]
    # "Cannot allocate memory" proves nothing: an encoder says it about a sound without samples.
    short = kind.rpartition(".")[2]
    memory = short == "OutOfMemoryError" or kind == "MemoryError" or OUT_OF_MEMORY.search(message) is not None
    node_id, node_type = data.get("node_id"), data.get("node_type")
    return Failure(
        message=message or kind or "no message",
        node_id=None if node_id is None else str(node_id),
        node_type=None if node_type is None else str(node_type),
        exception_type=kind or None,
        out_of_memory=memory,
        disk_full=DISK_FULL.search(message) is not None,
    )


def _messages(listed: Json) -> Iterator[tuple[str, JsonObject]]:
    for message in read_list(listed):
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict):
            yield str(message[0]), message[1]


class Progress:
    """Turns a prompt's messages into events, with a fraction that never goes back.

    Every node has the same weight, since steps alone are no measure: a decoder runs for seconds without reporting any.

    Attributes:
        has_messages: whether any message about the prompt has arrived.
    """

    def __init__(self, graph: Graph | None = None) -> None:
        self._graph = graph or {}
        self._parts: dict[str, float] = {}
        self._check_node: str | None = None
        self._fraction = 0.0
        self.has_messages = False

    def read(self, message: Message) -> Iterator[PromptEvent]:
        """Yield the events of one message of the socket; unknown messages have none."""
        self.has_messages = True
        match message:
            case NodesCached(nodes=nodes):
                yield from self._advance(dict.fromkeys(nodes, 1.0))
            case NodeEntered():
                yield from self._enter(self._own_node(message.node, message.display_node))
            case NodeProgress(states=states, of_all=True):
                shown = next((state for state in states if state.counts), None)
                yield from self._advance({state.node: state.share for state in states}, shown)
            case NodeProgress(states=(state,)) if state.max not in MARKERS:
                yield from self._advance({state.node: state.share}, state)
            case NodeDone():
                node = self._own_node(message.node, message.display_node)
                if node is not None:
                    yield from self._advance({node: 1.0})
            case PieceMade() | PreviewSeen():
                yield message

    def finish(self) -> Iterator[PromptEvent]:
        """Yield the last event of a prompt that succeeded."""
        if self._fraction < 1.0:
            self._fraction = 1.0
            yield self._update(None)

    def _enter(self, node: str | None) -> Iterator[PromptEvent]:
        if node is None or node == self._check_node:
            return
        previous, self._check_node = self._check_node, node
        yield NodeStarted(node, self._class_of(node))
        # When a node begins, the previous one is done; parallel nodes report by progress_state.
        if previous is not None and self._parts.get(previous, 0.0) < 1.0:
            yield from self._advance({previous: 1.0})
        self._parts.setdefault(node, 0.0)

    def _advance(self, parts: Mapping[str, float], step: NodeState | None = None) -> Iterator[PromptEvent]:
        for node, part in parts.items():
            if not self._graph or node in self._graph:
                self._parts[node] = max(part, self._parts.get(node, 0.0))
        # Without the graph the number of nodes is a guess: those seen so far, and one more.
        total = len(self._graph) or len(self._parts) + 1
        fraction = min(1.0, sum(self._parts.values()) / total)
        if fraction > self._fraction:
            self._fraction = fraction
            yield self._update(step)

    def _update(self, step: NodeState | None) -> ProgressUpdate:
        value, most = (step.value, step.max) if step is not None else (None, None)
        return ProgressUpdate(self._fraction, self._check_node, self._class_of(self._check_node), value, most)

    def _class_of(self, node: str | None) -> str | None:
        return self._graph[node].get("class_type") if node is not None and node in self._graph else None

    def _own_node(self, node: str | None, display_node: str) -> str | None:
        """Return the node of the graph; one made by expansion at run time counts as the node that it came from."""
        return display_node if node is not None and display_node in self._graph else node
