"""The prompts of a host: waiting, running, finished."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from schemas.graph import Graph
from schemas.json_values import JsonObject

HISTORY_LIMIT = 10_000
QueueRow = tuple[float, str, Graph, JsonObject, list[str]]  # number, prompt id, graph, extra data, outputs to run


class HistoryStatus(TypedDict):
    status_str: Literal["success", "error"]
    completed: bool
    messages: list[tuple[str, JsonObject]]


class HistoryEntry(TypedDict):
    """A prompt that has ended; `meta` maps each node of `outputs` to its node of the graph."""

    prompt: QueueRow
    outputs: dict[str, JsonObject]
    status: HistoryStatus
    meta: JsonObject


@dataclass
class Prompt:
    """One accepted prompt, and the state of its run."""

    number: float
    prompt_id: str
    graph: Graph
    extra_data: JsonObject
    outputs_to_run: list[str]
    outputs: dict[str, JsonObject] = field(default_factory=dict)
    meta: JsonObject = field(default_factory=dict)
    messages: list[tuple[str, JsonObject]] = field(default_factory=list)
    started_nodes: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def client_id(self) -> str | None:
        client_id = self.extra_data.get("client_id")
        return None if client_id is None else str(client_id)

    @property
    def succeeded(self) -> bool:
        return any(event == "execution_success" for event, _ in self.messages)

    def row(self) -> QueueRow:
        """Return the prompt as queue and history list it."""
        return (self.number, self.prompt_id, self.graph, self.extra_data, self.outputs_to_run)

    def entry(self) -> HistoryEntry:
        """Return its entry in the history."""
        status: HistoryStatus = {
            "status_str": "success" if self.succeeded else "error",
            "completed": self.succeeded,
            "messages": self.messages,
        }
        return {"prompt": self.row(), "outputs": self.outputs, "status": status, "meta": self.meta}


class Prompts:
    """Queue, running prompt and history; `changed` is called at every change of the queue."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._heap: list[tuple[float, int, Prompt]] = []
        self._order = itertools.count()
        self._has_arrived = asyncio.Event()
        self.running: Prompt | None = None
        self.history: dict[str, Mapping[str, object]] = {}

    def __len__(self) -> int:
        return len(self._heap) + (self.running is not None)

    def pending(self) -> list[Prompt]:
        return [prompt for *_, prompt in sorted(self._heap, key=lambda item: item[:2])]

    def add(self, prompt: Prompt) -> None:
        heapq.heappush(self._heap, (prompt.number, next(self._order), prompt))
        self._has_arrived.set()
        self._changed()

    async def take(self) -> Prompt:
        """Wait for the next prompt, which becomes the running one."""
        while not self._heap:
            self._has_arrived.clear()
            await self._has_arrived.wait()
        *_, self.running = heapq.heappop(self._heap)
        self._changed()
        return self.running

    def finish(self, entry: Mapping[str, object]) -> None:
        """End the running prompt and put `entry` into the history."""
        assert self.running is not None  # noqa: S101 - only called for the running prompt
        self.history.pop(self.running.prompt_id, None)
        self.history[self.running.prompt_id] = entry
        while len(self.history) > HISTORY_LIMIT:
            del self.history[next(iter(self.history))]
        self.running = None
        self._changed()

    def delete(self, prompt_id: str) -> bool:
        """Take a waiting prompt out; it gets no event and no history."""
        for index, (*_, prompt) in enumerate(self._heap):
            if prompt.prompt_id == prompt_id:
                del self._heap[index]
                heapq.heapify(self._heap)
                self._changed()
                return True
        return False

    def clear(self) -> None:
        self._heap.clear()
        self._changed()

    def list_history(self, max_items: int | None = None, offset: int = -1) -> dict[str, Mapping[str, object]]:
        """Return the history, oldest first; the newest `max_items` unless an offset is given."""
        keys = list(self.history)
        if offset < 0:
            offset = 0 if max_items is None else max(0, len(keys) - max_items)
        end = None if max_items is None else offset + max_items
        return {key: self.history[key] for key in keys[offset:end]}
