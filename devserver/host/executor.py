"""Run one prompt after another in the worker process and report events, in ComfyUI's order."""

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

from devserver.host.call import Result, call, describe_inputs, gather
from devserver.host.folders import Folders
from devserver.host.graph import Schedule, plan_nodes, signatures
from devserver.host.node_class import Table, change_mark, inputs_of, is_output
from devserver.nodes.host import PARTIAL, Cancelled, Host, current
from schemas.graph import Graph, link_of, links_of
from schemas.json_values import JsonObject

Emit = Callable[[str, JsonObject], None]

MAX_PROGRESS_NODES = (
    200  # in one state message: with all nodes of a large graph in every message, these would be gigabytes
)
TEMPORARY_FILE_SECONDS = 120.0  # how long a piece of a sound can be fetched; it is announced as soon as it exists


class NodeHost(Host):
    """The host that a running node sees: progress becomes events, and a cancel is raised once."""

    def __init__(
        self,
        folders: Folders,
        report: Callable[[int, int], None],
        check: Callable[[], None],
        partial: Callable[[int, dict[str, str]], None],
        on_temporary_file: Callable[[Path], None],
    ) -> None:
        super().__init__(folders.output, folders.temp)
        self._folders, self._on_temporary_file = folders, on_temporary_file
        self._report, self._check, self._partial = report, check, partial

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
        self._on_temporary_file(path)
        return path, entry


class Progress:
    """The states of the visited nodes of one prompt, all sent at each change; of a long graph the newest."""

    def __init__(self, prompt_id: str, emit: Emit) -> None:
        self._prompt_id, self._emit = prompt_id, emit
        self._nodes: dict[str, JsonObject] = {}

    def set_running(self, node_id: str, value: float = 0.0, maximum: float = 1.0) -> None:
        self._send(node_id, value, maximum, "running")

    def set_finished(self, node_id: str) -> None:
        known = self._nodes.get(node_id, {}).get("max")
        maximum = known if isinstance(known, int | float) else 1
        self._send(node_id, maximum, maximum, "finished")

    def _send(self, node_id: str, value: float, maximum: float, state: str) -> None:
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
        if len(self._nodes) > MAX_PROGRESS_NODES:
            del self._nodes[next(iter(self._nodes))]
        self._emit("progress_state", {"prompt_id": self._prompt_id, "nodes": {**self._nodes}})


class Executor:
    """Runs prompts of one node table and keeps the results of the last one, as ComfyUI does."""

    def __init__(self, table: Table, folders: Folders, emit: Emit) -> None:
        self.table, self.folders, self.emit = table, folders, emit
        self.cache: dict[str, Result] = {}
        self._on_temporary_file: deque[tuple[float, Path]] = deque()
        self._lock = threading.Lock()
        self._cancelled: str | None = None

    def cancel(self, prompt_id: str) -> None:
        """Ask the prompt to stop; called from another thread, also before the prompt has begun."""
        with self._lock:
            self._cancelled = prompt_id

    def keep_for_a_while(self, path: Path) -> None:
        """Delete a file when a prompt begins at least `TEMPORARY_FILE_SECONDS` later."""
        self._on_temporary_file.append((time.monotonic(), path))

    def _delete_expired_files(self) -> None:
        while self._on_temporary_file and time.monotonic() - self._on_temporary_file[0][0] >= TEMPORARY_FILE_SECONDS:
            self._on_temporary_file.popleft()[1].unlink(missing_ok=True)

    def run(self, prompt_id: str, graph: Graph, extra_data: JsonObject, outputs: list[str]) -> None:
        """Run the output nodes and their sources. Never raises: a node's failure is an event."""
        self.emit("execution_start", {"prompt_id": prompt_id})
        self._delete_expired_files()
        marks = signatures(graph, lambda node_id: self._change_mark(node_id, graph))
        self.cache = {mark: self.cache[mark] for mark in marks.values() if mark in self.cache}
        run = _Run(self, prompt_id, graph, extra_data, marks)
        cached = [node_id for node_id in graph if run.is_cached(node_id)]
        self.emit("execution_cached", {"nodes": [*cached], "prompt_id": prompt_id})
        for node_id in Schedule(plan_nodes(graph, outputs, run.is_cached), run.is_output):
            if not run.visit(node_id):
                return
        self.emit("execution_success", {"prompt_id": prompt_id})

    def check(self, prompt_id: str) -> None:
        with self._lock:
            if self._cancelled != prompt_id:
                return
            self._cancelled = None  # as in ComfyUI: a node that swallows the cancel runs to its end
        raise Cancelled(prompt_id)

    def _change_mark(self, node_id: str, graph: Graph) -> str:
        """Return a node's own part of its signature; a fresh value makes it run again."""
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
        except Exception:  # noqa: BLE001 - a node's own code; the node runs again and reports the error itself
            return uuid.uuid4().hex
        always = isinstance(changed, float) and math.isnan(changed)
        return uuid.uuid4().hex if always else f"{mark}:{changed!r}"


class _Run:
    """One prompt that an executor runs."""

    def __init__(
        self, executor: Executor, prompt_id: str, graph: Graph, extra_data: JsonObject, marks: dict[str, str]
    ) -> None:
        self._executor, self._emit = executor, executor.emit
        self._prompt_id, self._graph, self._extra, self._marks = prompt_id, graph, extra_data, marks
        self._update = Progress(prompt_id, self._emit)
        self._executed: list[str] = []

    def node_class(self, node_id: str) -> type:
        return self._executor.table[self._graph[node_id]["class_type"]]

    def is_output(self, node_id: str) -> bool:
        return is_output(self.node_class(node_id))

    def result(self, node_id: str) -> Result | None:
        return self._executor.cache.get(self._marks.get(node_id, ""))

    def is_cached(self, node_id: str) -> bool:
        return self.result(node_id) is not None

    def visit(self, node_id: str) -> bool:
        """Run the node, or repeat its data for the user interface if its result is cached. False ends the prompt."""
        result = self.result(node_id)
        if result is None:
            self._update.set_running(node_id)
            self._emit("executing", {"node": node_id, "display_node": node_id, "prompt_id": self._prompt_id})
            result = self._execute(node_id)
            if result is None:
                return False
            self._executor.cache[self._marks[node_id]] = result
            self._executed.append(node_id)
        if result.ui is not None:
            place: JsonObject = {"node": node_id, "display_node": node_id}
            self._emit("executed", {**place, "output": result.ui, "prompt_id": self._prompt_id})
        self._update.set_finished(node_id)
        return True

    def _execute(self, node_id: str) -> Result | None:
        inputs: dict[str, list[object]] | None = None
        try:
            cls = self.node_class(node_id)
            sources = {link.node for _, link in links_of(self._graph[node_id])}
            results = {source: result for source in sources if (result := self.result(source)) is not None}
            inputs = gather(node_id, self._graph, cls, results, self._extra.get("extra_pnginfo"))
            with self._host_node(node_id):
                return call(cls, inputs, self._check)
        except Cancelled:
            self._emit("execution_interrupted", self._describe_node(node_id))
        except Exception as error:  # noqa: BLE001 - whatever a node raises ends its prompt and is reported
            self._emit(
                "execution_error",
                self._describe_node(node_id) | _describe_error(error, inputs) | self._current_outputs(),
            )
        return None

    @contextmanager
    def _host_node(self, node_id: str) -> Iterator[None]:
        def report(done: int, total: int) -> None:
            self._update.set_running(node_id, min(done, total), total)
            position: JsonObject = {"value": min(done, total), "max": total}
            self._emit("progress", {**position, "prompt_id": self._prompt_id, "node": node_id})

        def partial(index: int, file: dict[str, str]) -> None:
            self._emit(PARTIAL, {"prompt_id": self._prompt_id, "node": node_id, "index": index, "file": {**file}})

        executor = self._executor
        token = current.set(NodeHost(executor.folders, report, self._check, partial, executor.keep_for_a_while))
        try:
            yield
        finally:
            current.reset(token)

    def _check(self) -> None:
        self._executor.check(self._prompt_id)

    def _describe_node(self, node_id: str) -> JsonObject:
        return {
            "prompt_id": self._prompt_id,
            "node_id": node_id,
            "node_type": self._graph[node_id]["class_type"],
            "executed": list(self._executed),
        }

    def _current_outputs(self) -> JsonObject:
        return {"current_outputs": list(self._graph)}


def _describe_error(error: Exception, inputs: dict[str, list[object]] | None) -> JsonObject:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return {
        "exception_message": f"{error}\n",
        "exception_type": f"{module}{kind.__qualname__}",
        "traceback": [*traceback.format_tb(error.__traceback__)],
        "current_inputs": describe_inputs(inputs),
    }
