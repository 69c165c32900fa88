"""A server and its backends on one loop, over real sockets, with a fault put into one of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web

from cli.build import SHIPPED
from config import ROOT
from devserver.app import App
from devserver.backends.pool import Address, Backend
from devserver.definitions.current import Definitions
from devserver.durable.reading import Reading
from devserver.files.exports import Exports
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from devserver.media.intake import IntakePool
from devserver.runs.answer import Answer
from devserver.stages.graph.retries import Retries
from devserver.stages.planning import parse_request
from devserver.stages.walk import WalkSettings
from devserver.system.clock import Clock
from my_app.door.context import FrontSettings
from my_app.front import Listening, create_front, listen_at
from schemas.json_values import read_object
from schemas.loader import load_tables
from tests.doubles.thread_worker import on_a_thread
from tests.patience import PATIENCE_S

POLL_S = 0.05
QUICK = Retries(attempts=3, first_pause_s=0.05)


class SharedIntake(IntakePool):
    """The workers outlive the server of one test."""

    async def close(self) -> None:
        pass


class Studio:
    """A backend on a port that it keeps when it is started again; `kind` is the host with the fault."""

    def __init__(self, base: Path, kind: type[Host] = Host) -> None:
        self.base, self.kind, self.port = base, kind, 0
        self.submitted: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> Path:
        return self.host.folders.output

    async def start(self) -> None:
        self.host = self.kind("embedded", self.base)
        self.gate = on_a_thread(self.host)
        self._note_submissions(self.host)
        app = self.host.app()
        app.middlewares.insert(0, self._note_turned_away)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.gate.release()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _note_submissions(self, host: Any) -> None:
        accept = host.accept

        async def noting(body: dict[str, Any]) -> web.Response:
            self.submitted.append(body)
            answer: web.Response = await accept(body)
            return answer

        host.accept = noting

    @web.middleware
    async def _note_turned_away(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Note a prompt that a fault answers in the host's place, without having read it."""
        response: web.StreamResponse = await handler(request)
        if request.method == "POST" and request.path == "/prompt" and not request.content.at_eof():
            self.submitted.append(await request.json())
        return response

    @property
    def running(self) -> Prompt | None:
        return self.host.prompts.running

    def states(self) -> list[str]:
        """How each prompt ended, in order."""
        return [str(read_object(entry["status"])["status_str"]) for entry in self.host.prompts.history.values()]


class Rig:
    """A server without its process."""

    def __init__(self, app: App) -> None:
        self.app = app

    @property
    def backend(self) -> Backend:
        return self.app.pool.backends[0]

    async def accept(self, seconds: float, **body: Any) -> str:
        """Begin a run of silence of this length, by which its file is known."""
        return await self.start(request(seconds, **body))

    async def start(self, body: dict[str, Any]) -> str:
        return (await self.app.runs.accept(parse_request(body), body, "local", {})).run_id

    async def ended(self, run_id: str) -> Answer:
        await until(lambda: self.answer(run_id).status != 202, f"{run_id} did not end")
        return self.answer(run_id)

    async def run(self, seconds: float, **body: Any) -> Answer:
        return await self.ended(await self.accept(seconds, **body))

    def read(self, work: Callable[[Reading], Any]) -> Any:
        """Read the journal at once."""
        with self.app.database.door() as door:
            return door.read(lambda tx: work(Reading(tx)))

    def answer(self, run_id: str) -> Answer:
        answer: Answer = self.read(partial(self.app.runs._answer, run_id))
        return answer

    def detail(self, run_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.read(partial(self.app.runs._detail, run_id)).as_json()
        return shown

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        return [attempt for stage in self.detail(run_id)["stages"] for attempt in stage.get("attempts", [])]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[aiohttp.ClientSession]:
        """The same server over HTTP."""
        front = create_front(self.app, FrontSettings(ROOT / "public"), version="0")
        listening: Listening = await listen_at(front, "127.0.0.1", 0)
        try:
            async with aiohttp.ClientSession(listening.url, timeout=aiohttp.ClientTimeout(PATIENCE_S)) as client:
                yield client
        finally:
            await listening.close()


@asynccontextmanager
async def rigged(
    exports: Path,
    intake: IntakePool,
    *backends: Studio | str,
    poll_s: float = POLL_S,
    clock: Clock | None = None,
    folder: Path | None = None,
    definitions: Definitions | None = None,
    backend_wait_s: float = 20.0,
    retries: Retries = QUICK,
    **settings: Any,
) -> AsyncIterator[Rig]:
    """Start a server with these backends, the preferred one first; `folder` is their output folder as we see it."""
    kept = Exports(exports)
    kept.lock({"pid": 0})
    addresses = [
        Address(f"studio{n}", "auto", b if isinstance(b, str) else b.url, output_folder=folder)
        for n, b in enumerate(backends)
    ]
    given = {"probe_s": 0.2, "clock": clock, "walks": WalkSettings(backend_wait_s, retries), **settings}
    known = definitions or catalog()
    app = App(exports=kept, definitions=known, addresses=addresses, embedded=False, **given)
    app.intake, app.tools = intake, replace(app.tools, intake=intake)
    await app.start()
    try:
        for backend in app.pool.backends:
            backend.follower.poll_seconds = poll_s
        yield Rig(app)
    finally:
        for studio in backends:
            if isinstance(studio, Studio):
                studio.gate.release()
        await app.stop()
        kept.unlock()


def request(seconds: float, **body: Any) -> dict[str, Any]:
    asked = {"input_text": "x", "safety_level": "off", "output_config": "silence_mp3", "params": {"seconds": seconds}}
    return {**asked, **body}


_CATALOG: list[Definitions] = []


def catalog() -> Definitions:
    """The shipped definitions, read once: nobody edits them here."""
    if not _CATALOG:
        _CATALOG.append(Definitions([SHIPPED], load_tables([SHIPPED])))
    return _CATALOG[0]


async def until(happened: Callable[[], Any], what: str = "it did not happen", limit_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def until_told(asked: Callable[[], Awaitable[bool]], what: str, limit_s: float = PATIENCE_S) -> None:
    """Ask until the answer is yes."""
    began = time.monotonic()
    while not await asked():
        assert time.monotonic() - began < limit_s, what
        await asyncio.sleep(0.02)


def seconds_of(answer: Answer) -> float:
    """The length of the file that a run has stored."""
    assert answer.status == 200, answer.body
    return round(float(answer.body["media_output"]["metadata"]["facts"]["seconds"]), 1)


def attempts_of(answer: Answer) -> int:
    return int(answer.body["media_output"]["metadata"]["attempts"])


def codes(answer: Answer) -> list[str]:
    return [warning["code"] for warning in answer.body["warnings"]]


def failure(answer: Answer, code: str) -> str:
    """What a run that failed says: what happened, and what to do about it. No media is handed out with it."""
    error = answer.body["error"]
    assert (answer.status >= 400, error["code"]) == (True, code), answer.body
    assert error["message"], error
    assert error["hint"], error
    assert not answer.body["media_output"]["media_stored"]
    return f"{error['message']} {error['hint']}"


def files_in(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern))
