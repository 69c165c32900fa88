"""Make definitions from a foreign graph in a process of its own, which ends with the request at the latest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devserver.definitions.work import ImportJob, ImportReply
from schemas.importing.documents import ImportedDefinition
from schemas.importing.form import ImportRefused
from schemas.json_values import JsonObject
from schemas.limits import Limit
from schemas.nodes import NodeTable

log = logging.getLogger(__name__)

ROOT: Final = Path(__file__).parents[2]
AT_ONCE: Final = 2


@dataclass(frozen=True)
class Job:
    """A graph, or a file that holds one, and the definitions to make from it.

    Attributes:
        graph: the graph itself; None where it lies in the file at `path`.
        path: any file; `filename` is its own name where it is a copy.
        name: of the definitions.
        origin: where the graph is from, for a comment in the files.
        folders: of the definitions in force.
        live: the classes of a backend; they go before those of the tables in the folders.
    """

    name: str
    origin: str
    folders: Sequence[Path]
    graph: JsonObject | None = None
    path: Path | None = None
    filename: str | None = None
    live: NodeTable | None = None

    def to_line(self) -> bytes:
        """Return the job as a line of JSON for the process."""
        job: ImportJob = {
            "name": self.name,
            "origin": self.origin,
            "folders": [str(folder.absolute()) for folder in self.folders],
            "graph": self.graph,
            "path": None if self.path is None else str(self.path.absolute()),
            "filename": self.filename,
            "live": None if self.live is None else self.live.to_trimmed(),
        }
        return json.dumps(job).encode() + b"\n"


class ImportProcesses:
    """Runs the processes, a few at the same time. On the loop only.

    Args:
        processor_s: the processor time that a process may use.
        deadline_s: the time after which a process is killed, even if it only waits.
        memory_bytes: the memory that a process may use, where the system can limit it.
    """

    def __init__(self, processor_s: int = 20, deadline_s: float = 120.0, memory_bytes: int = 1 << 30) -> None:
        self._processor_s, self._deadline_s, self._memory_bytes = processor_s, deadline_s, memory_bytes
        self._places = asyncio.Semaphore(AT_ONCE)

    async def make(self, job: Job) -> ImportedDefinition:
        """Return the definitions. Cancelling the call kills the process.

        Raises:
            ImportRefused: with every reason; also if the process exceeded a limit and was killed.
        """
        line = await asyncio.to_thread(job.to_line)
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "devserver.definitions.work",
                str(self._processor_s),
                str(self._memory_bytes),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is for the server, which stops this process in its own order
            )
            try:
                async with asyncio.timeout(self._deadline_s):
                    said, complaint = await _exchange(process, line)
            except TimeoutError as e:
                raise ImportRefused(f"reading it took longer than {self._deadline_s:g} s") from e
            finally:
                if process.returncode is None:
                    process.kill()
                    await asyncio.shield(process.wait())
        return self._read(process.returncode or 0, said, complaint)

    def _read(self, code: int, said: bytes, complaint: bytes) -> ImportedDefinition:
        if code or not said:
            log.error("An import ended with code %s: %s", code, complaint.decode(errors="replace")[-2000:])
            if code == -getattr(signal, "SIGXCPU", 0) or code == -signal.SIGKILL:
                message = (
                    f"reading it took more than {self._processor_s} s of processor time, or was ended from outside"
                )
                raise ImportRefused(message)
            raise ImportRefused(f"the process that read it ended with code {code}")
        reply: ImportReply = json.loads(said)
        if "made" in reply:
            return reply["made"]
        refused = reply["refused"]
        excess = refused.get("excess")
        limit = (Limit(excess["most"], excess["unit"]), excess["value"]) if excess else None
        about = (refused.get("problems", ()), refused.get("absent", ()), limit)
        raise ImportRefused(refused["message"], *about, no_graph=refused.get("no_graph", False))


async def _exchange(process: Process, line: bytes) -> tuple[bytes, bytes]:
    """Send the job and wait for the end. The process's stdin stays open: it ends with it."""
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    with contextlib.suppress(ConnectionError):  # it exited before it had read all; its exit code tells why
        process.stdin.write(line)
        await process.stdin.drain()
    said, complaint = await asyncio.gather(process.stdout.read(), process.stderr.read())
    await process.wait()
    return said, complaint
