"""A host as a child process of the server: its embedded backend."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from pathlib import Path

ROOT = Path(__file__).parents[2]

LINES_KEPT = 40


class ChildFailed(RuntimeError):
    """The host process did not come up; the message holds its last lines."""


class Child:
    """One host process. It ends when this process does, because its stdin closes with it."""

    def __init__(
        self,
        table: str,
        base_dir: Path,
        max_upload_bytes: int | None = None,
        token: str | None = None,
    ) -> None:
        """Requests need the `token`; it is passed on stdin."""
        self._token = token
        limit = ["--max-upload-bytes", str(max_upload_bytes)] if max_upload_bytes else []
        limit += ["--token-on-stdin"] if token else []
        self._command = (sys.executable, "-m", "devserver.host", "--table", table, "--base", str(base_dir), *limit)
        self._process: Process | None = None
        self._last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> str:
        """Start the process and wait until it listens.

        Returns:
            Its base URL.

        Raises:
            ChildFailed: it exited first; the message holds the last lines of its stderr.
        """
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C is for the server, which stops this process in its own order
        )
        assert self._process.stdout is not None  # noqa: S101 - it was started with pipes
        assert self._process.stderr is not None  # noqa: S101
        self._reader = asyncio.create_task(self._read_stderr(self._process.stderr))
        if self._token is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{self._token}\n".encode())
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            await self._reader
            output = "\n".join(self._last_lines) or "it printed nothing"
            raise ChildFailed(f"the node host ended with code {code} before it listened:\n{output}")
        return f"http://127.0.0.1:{json.loads(line)['port']}"

    async def wait(self) -> int:
        """Wait until the process ends; return its exit code."""
        if self._process is None:
            raise ChildFailed("the node host was not started")
        return await self._process.wait()

    async def stop(self, grace_seconds: float = 3.0) -> None:
        """End the process: by closing its stdin, and by force after `grace_seconds`."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), grace_seconds)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def _read_stderr(self, stderr: asyncio.StreamReader) -> None:
        """Keep the last lines; a full pipe would stop the process."""
        while chunk := await stderr.read(8192):
            self._last_lines.extend(line for line in chunk.decode(errors="replace").splitlines() if line)
