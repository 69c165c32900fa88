"""The messages of a backend's event socket, each type as a class.

A malformed part counts as missing: queue and history have the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple

from schemas.json_values import Json, JsonObject, read_list, read_object

# SwarmUI's own nodes announce the kind of a result as a fake number of steps.
MARKERS: Final = frozenset({12345, 12346, 12347})


@dataclass(frozen=True)
class Message:
    """A message of the socket; also one of an unknown type. `prompt_id` is '' if it names no prompt."""

    prompt_id: str


@dataclass(frozen=True)
class QueueStatus(Message):
    """The number of prompts that the backend holds, running ones included; `client_id` greets a new connection."""

    length: int | None
    client_id: str | None


@dataclass(frozen=True)
class NodesCached(Message):
    """The nodes whose results are cached from an earlier prompt."""

    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeEntered(Message):
    """A node begins; no node means the end of the prompt. A node made at run time is displayed as another one."""

    node: str | None
    display_node: str


class NodeState(NamedTuple):
    """The progress of a node, in its own steps."""

    node: str
    value: float | None
    max: float | None
    state: str = "running"

    @property
    def share(self) -> float:
        """Return the fraction of the node that is done, 0..1."""
        if self.state == "finished":
            return 1.0
        if self.value is None or self.max is None or self.max <= 0 or self.max in MARKERS:
            return 0.0
        return min(1.0, max(0.0, self.value / self.max))

    @property
    def counts(self) -> bool:
        """Tell whether the node runs and counts steps; others report step 0 of 1."""
        return self.state == "running" and self.max is not None and self.max > 1 and self.max not in MARKERS


@dataclass(frozen=True)
class NodeProgress(Message):
    """A step of one node, or the states of all visited nodes."""

    states: tuple[NodeState, ...]
    of_all: bool


@dataclass(frozen=True)
class NodeDone(Message):
    """A node has results to display; the history lists them."""

    node: str | None
    display_node: str


@dataclass(frozen=True)
class PromptEnded(Message):
    """The prompt has ended, in one of three ways; its history exists, or will in a moment."""


@dataclass(frozen=True)
class PieceMade(Message):
    """A node of ours has written a piece of its sound: its number, and the file by name and folder."""

    kind: ClassVar[Literal["partial"]] = "partial"
    node: str
    index: Json
    file: Json


@dataclass(frozen=True)
class PreviewSeen(Message):
    """A preview picture from a node. The old form names neither prompt nor node."""

    kind: ClassVar[Literal["preview"]] = "preview"
    node: str | None
    mime: str
    image: bytes


def read_message(kind: str, data: JsonObject) -> Message:
    """Return a message of the socket by its type."""
    prompt_id = data.get("prompt_id")
    read = READERS.get(kind)
    named = "" if prompt_id is None else str(prompt_id)
    return Message(named) if read is None else read(named, data)


def read_preview(metadata: JsonObject, image: bytes) -> PreviewSeen:
    """Return a preview with its metadata."""
    mime = str(metadata.get("image_type", "image/jpeg"))
    return PreviewSeen(str(metadata.get("prompt_id")), _node(metadata.get("node_id")), mime, image)


def _node(value: Json) -> str | None:
    return None if value is None else str(value)


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) else None


def _status(prompt_id: str, data: JsonObject) -> Message:
    info = read_object(read_object(data.get("status")).get("exec_info"))
    length, client_id = info.get("queue_remaining"), data.get("sid")
    return QueueStatus(
        prompt_id,
        length if isinstance(length, int) else None,
        client_id if isinstance(client_id, str) else None,
    )


def _cached(prompt_id: str, data: JsonObject) -> Message:
    return NodesCached(prompt_id, tuple(map(str, read_list(data.get("nodes")))))


def _executing(prompt_id: str, data: JsonObject) -> Message:
    return NodeEntered(prompt_id, _node(data.get("node")), str(data.get("display_node")))


def _progress(prompt_id: str, data: JsonObject) -> Message:
    state = NodeState(str(data.get("node")), _number(data.get("value")), _number(data.get("max")))
    return NodeProgress(prompt_id, (state,), of_all=False)


def _progress_state(prompt_id: str, data: JsonObject) -> Message:
    states = tuple(
        NodeState(
            str(each.get("node_id")), _number(each.get("value")), _number(each.get("max")), str(each.get("state"))
        )
        for each in read_object(data.get("nodes")).values()
        if isinstance(each, dict)
    )
    return NodeProgress(prompt_id, states, of_all=True)


def _executed(prompt_id: str, data: JsonObject) -> Message:
    return NodeDone(prompt_id, _node(data.get("node")), str(data.get("display_node")))


def _ended(prompt_id: str, _data: JsonObject) -> Message:
    return PromptEnded(prompt_id)


READERS: Final[dict[str, Callable[[str, JsonObject], Message]]] = {
    "status": _status,
    "execution_cached": _cached,
    "executing": _executing,
    "progress": _progress,
    "progress_state": _progress_state,
    "executed": _executed,
    "execution_success": _ended,
    "execution_error": _ended,
    "execution_interrupted": _ended,
    "tonewright.partial": lambda prompt_id, data: PieceMade(
        prompt_id, str(data.get("node")), data.get("index"), data.get("file")
    ),
}
