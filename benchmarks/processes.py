"""A host of the embedded table and a server in front of it, each a process that ends with the benchmark."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from aiohttp import ClientConnectionError, ClientSession

from benchmarks.numbers import free_port

ROOT = Path(__file__).parents[1]
READY_POLL_SECONDS = 0.05


@contextlib.asynccontextmanager
async def started(
    *arguments: str, stdout: int = DEVNULL, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdin=PIPE, stdout=stdout, env={**os.environ, **(environment or {})}
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
    async with started(*arguments, stdout=PIPE) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{json.loads(await process.stdout.readline())['port']}"


@contextlib.asynccontextmanager
async def server(session: ClientSession, exports: Path, backend_url: str) -> AsyncIterator[str]:
    """The base URL of a server whose only backend is `backend_url`, once it is ready."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    only_it = {"TONEWRIGHT_EMBEDDED": "false", "TONEWRIGHT_DISCOVER": "false", "TONEWRIGHT_LOG_LEVEL": "warning"}
    arguments = ["server.py", "serve", "--port", str(port), "--exports", str(exports), "--backend", backend_url]
    async with started(*arguments, environment=only_it) as process:
        while not await ready(session, url):
            if process.returncode is not None:
                raise SystemExit(f"the server ended with {process.returncode} before it was ready")
            await asyncio.sleep(READY_POLL_SECONDS)
        yield url


async def ready(session: ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/ready") as answer:
            return answer.status == 200
    except ClientConnectionError:
        return False
