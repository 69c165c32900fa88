"""A host of the embedded table and a server in front of it, each a process that ends with the benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from cli.serve import READY

ROOT = Path(__file__).parents[1]


@contextlib.asynccontextmanager
async def started(*arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdin=PIPE, stdout=PIPE, env={**os.environ, **(environment or {})}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


@contextlib.asynccontextmanager
async def agent(base: Path) -> AsyncIterator[str]:
    """The base URL of a host that serves the embedded table."""
    arguments = ["-m", "devserver.agents", "--table", "embedded", "--port", "0", "--base", str(base)]
    async with started(*arguments) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{json.loads(await process.stdout.readline())['port']}"


@contextlib.asynccontextmanager
async def server(exports: Path, backend_url: str) -> AsyncIterator[str]:
    """The base URL of a server whose only backend is `backend_url`, once it is ready."""
    only_it = {"TONEWRIGHT_EMBEDDED": "false", "TONEWRIGHT_DISCOVER": "false", "TONEWRIGHT_LOG_LEVEL": "warning"}
    arguments = ["server.py", "serve", "--port", "0", "--exports", str(exports), "--backend", backend_url]
    async with started(*arguments, environment=only_it) as process:
        assert process.stdout
        line = (await process.stdout.readline()).decode()
        if not line.startswith(READY):
            raise SystemExit(f"the server did not start; it ended with {await process.wait()}")
        yield line.removeprefix(READY).strip()
