"""The host's side of its worker process: start it, send a prompt, read its events, replace it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

from devserver.host import frames
from schemas.graph import Graph
from schemas.json_values import JsonObject

ROOT = Path(__file__).parents[2]


class WorkerEnded(Exception):
    """The worker process ended in the middle of a prompt."""

    def __init__(self, code: int | None) -> None:
        super().__init__(_describe_exit(code))
        self.code = code


def _describe_exit(code: int | None) -> str:
    """Describe the end of a process: its exit code, or the signal that killed it."""
    if code is None or code >= 0:
        return f"the worker process ended with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    memory = "; the system does that when memory runs out" if -code == signal.SIGKILL else ""
    return f"the worker process was killed ({name}){memory}"


class WorkerProcess:
    """One worker at a time; a dead one is replaced at the next prompt."""

    def __init__(self, table: str, base: Path) -> None:
        self._command = (sys.executable, "-m", "devserver.host.worker", table, str(base))
        self._process: Process | None = None

    async def start(self) -> Process:
        """Return the running process; start it if there is none."""
        if self._process is None or self._process.returncode is not None:
            # In a session of its own: signals to the host's process group are for the host alone.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, cwd=ROOT, start_new_session=True
            )
        return self._process

    async def run(
        self, prompt_id: str, graph: Graph, extra_data: JsonObject, outputs: list[str]
    ) -> AsyncIterator[tuple[str, JsonObject]]:
        """Run one prompt; yield (event, data) until it is done.

        Raises:
            WorkerEnded: the process ended first.
        """
        process = await self.start()
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._send({"do": "run", "prompt_id": prompt_id, "graph": graph, "extra_data": extra_data, "outputs": outputs})
        while (message := await frames.read_event(process.stdout)) is not None:
            if message["event"] == "done":
                return
            yield message["event"], message["data"]
        raise WorkerEnded(await process.wait())

    def cancel(self, prompt_id: str) -> None:
        """Ask the running node to stop at its next check."""
        self._send({"do": "cancel", "prompt_id": prompt_id})

    def kill(self) -> None:
        """End the process now; its prompt raises ``WorkerEnded``."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        self.kill()
        if self._process is not None:
            await self._process.wait()

    def _send(self, message: frames.RunRequest | frames.CancelRequest) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(ConnectionError):  # it just ended: the reader of its answers notices that
            self._process.stdin.write(frames.pack(message))
