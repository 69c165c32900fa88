"""A host's worker that runs its prompts on a thread of this process: many hosts can be started in a moment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from devserver.host.executor import Executor
from devserver.host.folders import Folders
from devserver.host.host import Host
from devserver.host.stock.audio import EmptyAudio
from devserver.host.worker_process import WorkerProcess
from devserver.nodes.host import host as node_host

LOOK_S = 0.01


class Gate:
    """Holds sounds of a given length in the middle of their making, until the test lets them go."""

    def __init__(self) -> None:
        self._held: set[float] = set()
        self._changed = threading.Condition()

    def hold(self, *seconds: float) -> None:
        with self._changed:
            self._held.update(seconds)

    def release(self, *seconds: float) -> None:
        """Let some go on, or all."""
        with self._changed:
            self._held.difference_update(seconds or set(self._held))
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """In the node: it can be interrupted here."""
        with self._changed:
            while seconds in self._held:
                self._changed.wait(LOOK_S)
                node_host().check()


class ThreadWorker(WorkerProcess):
    """The executor of the real worker process, on a thread."""

    def __init__(self, table: dict[str, type[Any]], folders: Folders) -> None:
        self._executor = Executor(table, folders, _to_nobody)

    async def start(self) -> Any:
        return None

    async def run(
        self, prompt_id: str, graph: dict[str, Any], extra_data: dict[str, Any], outputs: list[str]
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        loop, told = asyncio.get_running_loop(), asyncio.Queue[tuple[str, dict[str, Any]] | None]()

        def emit(event: str, data: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(told.put_nowait, (event, data))

        def work() -> None:
            self._executor.emit = emit
            self._executor.run(prompt_id, graph, extra_data, outputs)
            loop.call_soon_threadsafe(told.put_nowait, None)

        working = loop.run_in_executor(None, work)
        while (one := await told.get()) is not None:
            yield one
        await working

    def cancel(self, prompt_id: str) -> None:
        self._executor.cancel(prompt_id)

    def kill(self) -> None:
        pass

    async def stop(self) -> None:
        pass


def _to_nobody(_event: str, _data: dict[str, Any]) -> None:
    pass


def on_a_thread(host: Host) -> Gate:
    """Give a host such a worker, and a gate in its `EmptyAudio`."""
    gate = Gate()

    class Held(EmptyAudio):
        def create(self, duration: float, sample_rate: int, channels: int) -> Any:
            gate.wait(duration)
            return super().create(duration, sample_rate, channels)

    held = type("EmptyAudio", (Held,), {"folders": host.folders, "__module__": EmptyAudio.__module__})
    host.table = {**host.table, "EmptyAudio": held}
    host.worker = ThreadWorker(host.table, host.folders)
    return gate
