"""Runs one prompt after another in the worker process and tells what happens, in ComfyUI's order."""

from __future__ import annotations

import math
import threading
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devserver.host.call import Result, call, gather, shown
from devserver.host.folders import Folders
from devserver.host.graph import Schedule, needed, signatures
from devserver.host.node_class import Table, change_mark, inputs_of, is_output
from devserver.nodes.host import PARTIAL, Cancelled, Host, current
from schemas.graph import Graph, link_of, links_of
from schemas.json_values import JsonObject

Emit = Callable[[str, JsonObject], None]

NODES_SHOWN = 200  # that one state lists: more in each of twice as many messages would be gigabytes
LENT_SECONDS = 120.0  # that a piece of a sound is there to be fetched; it is told at once when it is


class NodeHost(Host):
    """What a running node sees: progress goes out as events, a cancel is raised here and once only."""

    def __init__(
        self,
        folders: Folders,
        report: Callable[[int, int], None],
        check: Callable[[], None],
        partial: Callable[[int, dict[str, str]], None],
        lent: Callable[[Path], None],
    ) -> None:
        super().__init__(folders.output, folders.temp)
        self._folders, self._report, self._check, self._partial, self._lent = folders, report, check, partial, lent

    def check(self) -> None:
        self._check()

    def report(self, done: int, total: int) -> None:
        self._report(done, total)

    def partial(self, index: int, entry: dict[str, str]) -> None:
        self._partial(index, entry)

    def save_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        return self._folders.save_target(prefix).file(ext)

    def temp_path(self, prefix: str, ext: str) -> tuple[Path, dict[str, str]]:
        path, entry = self._folders.save_target(prefix, "temp").file(ext)
        self._lent(path)
        return path, entry


class Progress:
    """The state of every visited node of one prompt, sent whole at each change; of a long one the newest part."""

    def __init__(self, prompt_id: str, emit: Emit) -> None:
        self._prompt_id, self._emit = prompt_id, emit
        self._nodes: dict[str, JsonObject] = {}

    def running(self, node_id: str, value: float = 0.0, maximum: float = 1.0) -> None:
        self._change(node_id, value, maximum, "running")

    def finished(self, node_id: str) -> None:
        known = self._nodes.get(node_id, {}).get("max")
        maximum = known if isinstance(known, int | float) else 1
        self._change(node_id, maximum, maximum, "finished")

    def _change(self, node_id: str, value: float, maximum: float, state: str) -> None:
        self._nodes[node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": node_id,
            "prompt_id": self._prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        if len(self._nodes) > NODES_SHOWN:
            del self._nodes[next(iter(self._nodes))]
        self._emit("progress_state", {"prompt_id": self._prompt_id, "nodes": {**self._nodes}})


class Executor:
    """Runs prompts of one node table and keeps the results of the last one, as ComfyUI does."""

    def __init__(self, table: Table, folders: Folders, emit: Emit) -> None:
        self.table, self.folders, self.emit = table, folders, emit
        self.cache: dict[str, Result] = {}
        self._lent: deque[tuple[float, Path]] = deque()
        self._lock = threading.Lock()
        self._cancelled: str | None = None

    def cancel(self, prompt_id: str) -> None:
        """Ask the prompt to stop; called from another thread, also before the prompt has begun."""
        with self._lock:
            self._cancelled = prompt_id

    def lend(self, path: Path) -> None:
        """A file for a while: it is deleted by the first prompt that begins `LENT_SECONDS` later."""
        self._lent.append((time.monotonic(), path))

    def _take_back(self) -> None:
        while self._lent and time.monotonic() - self._lent[0][0] >= LENT_SECONDS:
            self._lent.popleft()[1].unlink(missing_ok=True)

    def run(self, prompt_id: str, graph: Graph, extra_data: JsonObject, outputs: list[str]) -> None:
        """Run the output nodes and what they need. Never raises: a node's failure is an event."""
        self.emit("execution_start", {"prompt_id": prompt_id})
        self._take_back()
        marks = signatures(graph, lambda node_id: self._own_mark(node_id, graph))
        self.cache = {mark: self.cache[mark] for mark in marks.values() if mark in self.cache}
        run = _Run(self, prompt_id, graph, extra_data, marks)
        cached = [node_id for node_id in graph if run.has(node_id)]
        self.emit("execution_cached", {"nodes": [*cached], "prompt_id": prompt_id})
        for node_id in Schedule(needed(graph, outputs, run.has), run.is_output):
            if not run.visit(node_id):
                return
        self.emit("execution_success", {"prompt_id": prompt_id})

    def check(self, prompt_id: str) -> None:
        with self._lock:
            if self._cancelled != prompt_id:
                return
            self._cancelled = None  # as in ComfyUI: who swallows the cancel goes on to the end
        raise Cancelled(prompt_id)

    def _own_mark(self, node_id: str, graph: Graph) -> str:
        """What a node adds to its signature for itself; a fresh value makes it run again."""
        cls = self.table[graph[node_id]["class_type"]]
        hidden, changes = inputs_of(cls).get("hidden", {}), change_mark(cls)
        mark = node_id if "UNIQUE_ID" in hidden.values() else ""
        if changes is None:
            return mark
        inputs: JsonObject = {
            name: None if link_of(value) else value for name, value in graph[node_id]["inputs"].items()
        }
        inputs |= {name: {} if kind == "PROMPT" else None for name, kind in hidden.items()}
        try:
            changed = changes(**inputs)
        except Exception:  # noqa: BLE001 - a node's own code; it is run again and says itself what is wrong
            return uuid.uuid4().hex
        always = isinstance(changed, float) and math.isnan(changed)
        return uuid.uuid4().hex if always else f"{mark}:{changed!r}"


class _Run:
    """One prompt on its way through an executor."""

    def __init__(
        self, executor: Executor, prompt_id: str, graph: Graph, extra_data: JsonObject, marks: dict[str, str]
    ) -> None:
        self._executor, self._emit = executor, executor.emit
        self._prompt_id, self._graph, self._extra, self._marks = prompt_id, graph, extra_data, marks
        self._progress = Progress(prompt_id, self._emit)
        self._executed: list[str] = []

    def cls(self, node_id: str) -> type:
        return self._executor.table[self._graph[node_id]["class_type"]]

    def is_output(self, node_id: str) -> bool:
        return is_output(self.cls(node_id))

    def result(self, node_id: str) -> Result | None:
        return self._executor.cache.get(self._marks.get(node_id, ""))

    def has(self, node_id: str) -> bool:
        return self.result(node_id) is not None

    def visit(self, node_id: str) -> bool:
        """Run the node, or repeat what it said when its result is cached. False ends the prompt."""
        result = self.result(node_id)
        if result is None:
            self._progress.running(node_id)
            self._emit("executing", {"node": node_id, "display_node": node_id, "prompt_id": self._prompt_id})
            result = self._execute(node_id)
            if result is None:
                return False
            self._executor.cache[self._marks[node_id]] = result
            self._executed.append(node_id)
        if result.ui is not None:
            place: JsonObject = {"node": node_id, "display_node": node_id}
            self._emit("executed", {**place, "output": result.ui, "prompt_id": self._prompt_id})
        self._progress.finished(node_id)
        return True

    def _execute(self, node_id: str) -> Result | None:
        inputs: dict[str, list[object]] | None = None
        try:
            cls = self.cls(node_id)
            sources = {link.node for _, link in links_of(self._graph[node_id])}
            results = {source: result for source in sources if (result := self.result(source)) is not None}
            inputs = gather(node_id, self._graph, cls, results, self._extra.get("extra_pnginfo"))
            with self._hosting(node_id):
                return call(cls, inputs, self._check)
        except Cancelled:
            self._emit("execution_interrupted", self._where(node_id))
        except Exception as error:  # noqa: BLE001 - whatever a node raises ends its prompt and is reported
            self._emit("execution_error", self._where(node_id) | _report(error, inputs) | self._current_outputs())
        return None

    @contextmanager
    def _hosting(self, node_id: str) -> Iterator[None]:
        def report(done: int, total: int) -> None:
            self._progress.running(node_id, min(done, total), total)
            position: JsonObject = {"value": min(done, total), "max": total}
            self._emit("progress", {**position, "prompt_id": self._prompt_id, "node": node_id})

        def partial(index: int, file: dict[str, str]) -> None:
            self._emit(PARTIAL, {"prompt_id": self._prompt_id, "node": node_id, "index": index, "file": {**file}})

        executor = self._executor
        token = current.set(NodeHost(executor.folders, report, self._check, partial, executor.lend))
        try:
            yield
        finally:
            current.reset(token)

    def _check(self) -> None:
        self._executor.check(self._prompt_id)

    def _where(self, node_id: str) -> JsonObject:
        return {
            "prompt_id": self._prompt_id,
            "node_id": node_id,
            "node_type": self._graph[node_id]["class_type"],
            "executed": list(self._executed),
        }

    def _current_outputs(self) -> JsonObject:
        return {"current_outputs": list(self._graph)}


def _report(error: Exception, inputs: dict[str, list[object]] | None) -> JsonObject:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return {
        "exception_message": f"{error}\n",
        "exception_type": f"{module}{kind.__qualname__}",
        "traceback": [*traceback.format_tb(error.__traceback__)],
        "current_inputs": shown(inputs),
    }
