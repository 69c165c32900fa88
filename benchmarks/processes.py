"""The benchmark's backend and servers, each a process that ends with the benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from benchmarks.row import Bench
from cli.serve import READY

ROOT = Path(__file__).parents[1]
# A prompt of ours and nothing else: no discovery, no log lines but those that say that something is wrong.
QUIET = {"TONEWRIGHT_DISCOVER": "false", "TONEWRIGHT_LOG_LEVEL": "error"}


@contextlib.asynccontextmanager
async def started(*command: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Process]:
    """A program and its arguments, told to end at the end of the block."""
    surroundings = {**os.environ, **(environment or {})}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)  # a second start finds compiled modules, as with every user
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE, env=surroundings)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        assert process.stdin
        process.stdin.close()  # a host that belongs to another program ends with that
        await process.communicate()


@contextlib.asynccontextmanager
async def backend(bench: Bench, name: str, *, table: str = "paced") -> AsyncIterator[str]:
    """The base URL of the backend: the benchmark's own host, or the real ComfyUI that was named."""
    if bench.comfyui_url is not None:
        yield bench.comfyui_url
        return
    async with host(bench.folder / name / "agent", "benchmarks.host", "--table", table) as url:
        yield url


@contextlib.asynccontextmanager
async def host(base: Path, *module: str) -> AsyncIterator[str]:
    """The base URL of a host: a module with its arguments."""
    async with started(sys.executable, "-m", *module, "--base", str(base)) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{json.loads(await process.stdout.readline())['port']}"


@contextlib.asynccontextmanager
async def server(exports: Path, backend_url: str) -> AsyncIterator[tuple[str, int]]:
    """The base URL and process id of a server whose only backend is `backend_url`, once it is ready."""
    only_it = {**QUIET, "TONEWRIGHT_EMBEDDED": "false"}
    command = ["server.py", "serve", "--port", "0", "--exports", str(exports), "--backend", backend_url]
    async with started(sys.executable, *command, environment=only_it) as process:
        yield await listening_at(process), process.pid


async def listening_at(process: Process) -> str:
    """The address that a server tells when it is ready."""
    assert process.stdout
    line = (await process.stdout.readline()).decode()
    if not line.startswith(READY):
        raise RuntimeError(f"the server did not start; it ended with {await process.wait()}")
    return line.removeprefix(READY).strip()
