"""`run`: find or start a server, send a request, draw its progress, print where the file is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from cli.serve import READY
from config import ROOT, Settings
from devserver.model.answer import RunAnswer
from devserver.model.events import AttemptEnded, Event, Progress, RunWarning, StageEnded, StageStarted

BAR: Final = 30
STOP_S: Final = 15.0


class RequestFailed(Exception):
    """The server did not start, or refused or failed the request; the message says why."""


@asynccontextmanager
async def server_for(settings: Settings, *, own: bool) -> AsyncIterator[str]:
    """Yield the address of the running server on the configured port, or of one that is started for this request.

    `own` starts one in any case: a running one would not have the settings of this command line.
    """
    running = f"http://{settings.host}:{settings.port}"
    if not own and settings.port and await _is_ours(running):
        yield running
        return
    serve = (sys.executable, str(ROOT / "server.py"), "serve", "--with-parent", "--port", "0")
    command = (*serve, "--exports", str(settings.exports))
    backends = json.dumps([backend.model_dump(mode="json") for backend in settings.backends])
    environment = {**os.environ, "TONEWRIGHT_BACKENDS": backends, "TONEWRIGHT_LOG_LEVEL": "error"}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,  # never written to: it closes when this process ends, however it ends
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,  # Ctrl-C is for this process, which stops the server itself
    )
    try:
        if process.stdout is None:
            raise RequestFailed("The server was started without a pipe.")
        line = (await process.stdout.readline()).decode().strip()
        if not line.startswith(READY):
            raise RequestFailed(f"The server did not start (exit code {await process.wait()}).")
        yield line.removeprefix(READY)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _is_ours(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/openapi.json") as response:
            return "Tonewright" in (await response.json())["info"]["title"]
    except (aiohttp.ClientError, ValueError, KeyError, OSError):
        return False


async def send(url: str, body: dict[str, object], key: str | None = None) -> RunAnswer:
    """Send a request with streaming, draw its progress, and return the finished answer.

    A parameter that is a path is uploaded first; the request then holds the upload's id.

    Raises:
        RequestFailed: the server refused the request; the message names the field.
    """
    timeout = aiohttp.ClientTimeout(total=None)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(timeout=timeout, headers=headers) as session:
        params = body.get("params")
        if isinstance(params, dict):
            for name, value in params.items():
                params[name] = await _upload(session, url, value) if isinstance(value, Path) else value
        execute = session.post(f"{url}/api/schema/pipeline/execute", json={**body, "enable_streaming": True})
        async with execute as response:
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise RequestFailed("The server has keys: set TONEWRIGHT_KEY to yours.")
            if response.content_type != "text/event-stream":
                raise RequestFailed(_words((await response.json()).get("error", {})))
            async for kind, data in _events(response):
                if kind == "answer":
                    return RunAnswer.model_validate_json(data)
                _draw(Event.from_json(json.loads(data)))
    raise RequestFailed("The server ended before the answer came.")


async def _upload(session: aiohttp.ClientSession, url: str, path: Path) -> str:
    """Upload a file; return the id that a `file` parameter takes."""
    with path.open("rb") as file:
        async with session.post(f"{url}/api/uploads", params={"name": path.name}, data=file) as response:
            kept = await response.json()
            if "id" not in kept:
                raise RequestFailed(f"{path}: {_words(kept.get('error', {}))}")
            return str(kept["id"])


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, str]]:
    """Yield the events of an SSE stream as (kind, JSON)."""
    kind, data = "message", ""
    buffer = b""
    async for chunk in response.content.iter_any():
        buffer += chunk
        *lines, buffer = buffer.split(b"\n")
        for raw in lines:
            line = raw.decode().rstrip("\r")
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("data:"):
                data += line[5:].strip()
            elif not line and data:
                yield kind, data
                kind, data = "message", ""


def _draw(event: Event) -> None:
    match event.data:
        case Progress(fraction=fraction, class_type=class_type):
            _bar(fraction, class_type or "")
        case AttemptEnded(status="success"):
            _bar(1.0, "taken in")
        case StageStarted():
            _line(f"  {event.stage} ...")
        case StageEnded(status="skipped"):
            _line(f"  {event.stage} skipped\n")
        case RunWarning(message=message):
            _line(f"  note: {message}\n")


def _bar(fraction: float, what: str) -> None:
    done = round(fraction * BAR)
    _line(f"  [{'#' * done}{'.' * (BAR - done)}] {fraction:4.0%}  {what}")


def _line(text: str) -> None:
    sys.stdout.write(f"\r\x1b[K{text}" if sys.stdout.isatty() else f"{text.rstrip()}\n")
    sys.stdout.flush()


def tell(settings: Settings, url: str, answer: RunAnswer) -> str:
    """Describe the end of a run: folder, files and URLs.

    Raises:
        RequestFailed: the run did not end well.
    """
    _line("")
    if answer.status != "success":
        raise RequestFailed(_words(answer.error.as_json() if answer.error else {}))
    folder = Path(settings.exports).resolve() / answer.run_id
    lines = [f"Run     {answer.run_id} in {answer.execution_time or 0.0:.1f} s", f"Folder  {folder}"]
    for output in answer.media_outputs:
        taken = [(one.parameter, one.used) for one in output.metadata.brief if one.parameter]
        read = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in taken]
        if read and output.take == 1:
            lines.append(f"Read    {', '.join(read)}")
        lines += [f"File    {folder / (output.metadata.filename or '')}", f"URL     {url}{output.url}"]
    return "\n".join(lines)


def _words(error: Mapping[str, object]) -> str:
    allowed = f" Allowed: {error['allowed']}." if error.get("allowed") else ""
    return f"{error.get('message', 'The run failed.')}{allowed} {error.get('hint') or ''}".strip()
