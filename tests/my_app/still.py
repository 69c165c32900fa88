"""A server on SQLite that walks nothing: a run stands still until a test writes what becomes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from config import ROOT
from devserver.app import App
from devserver.model.entity import Entity
from devserver.model.events import Stored
from devserver.model.failure import Failure
from devserver.model.rows import Place, RunState
from devserver.stages.planning import parse_request
from my_app.door.context import FrontSettings
from my_app.front import Listening, create_front, listen_at
from tests.patience import PATIENCE_S

PUBLIC = ROOT / "public"
POLL_S = 0.005


@dataclass(frozen=True)
class Still:
    """A server that is not started; its runs stay queued."""

    app: App

    @asynccontextmanager
    async def listening(self, settings: FrontSettings, host: str = "127.0.0.1") -> AsyncIterator[Listening]:
        listening = await listen_at(create_front(self.app, settings, version="0"), host, 0)
        try:
            yield listening
        finally:
            await listening.close()

    @asynccontextmanager
    async def client(self, settings: FrontSettings, host: str = "127.0.0.1") -> AsyncIterator[ClientSession]:
        """A client that keeps no cookies, of a front with these settings."""
        async with self.listening(settings, host) as front, client_of(front) as client:
            yield client

    async def accept(self, user_id: str = "local", **body: Any) -> str:
        """Accept a run of a user; its id."""
        asked = {"input_text": "x", **body}
        return (await self.app.runs.accept(parse_request(asked), asked, user_id, {})).run_id

    async def users(self) -> dict[str, str]:
        """Whose each accepted run is, the oldest first."""
        sql = "SELECT run_id, user_id FROM runs ORDER BY created_at, run_id"
        return {row["run_id"]: row["user_id"] for row in await self.app.database.read(lambda tx: tx.rows(sql))}

    async def tell(self, run_id: str, data: Stored, key: str = "") -> None:
        """Store an event and publish it."""
        await self.app.journal.add_event(Place(run_id, 0), data, key)

    async def end(self, run_id: str, state: RunState = "success", error: Failure | None = None) -> None:
        ended_at = self.app.clock.stamp()
        await self.app.journal.write(lambda writing: writing.end_run(Place(run_id, 0), state, ended_at, error))

    async def add_file(self, run_id: str, content: bytes, filename: str, **about: Any) -> Path:
        """Write a file of the run and list it: as its main sound, unless `about` says otherwise."""
        entity = {
            "number": int(filename[:2]),
            "type": "output_audio",
            "media": "audio",
            "stage": "generation",
            "take": 1,
            "role": "main",
            "filename": filename,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "mime": "audio/mpeg",
        }
        path = self.app.exports.file(run_id, filename)
        path.write_bytes(content)
        await self.tell(run_id, Entity.model_validate({**entity, **about}), filename)
        return path

    async def until_listening(self, count: int) -> None:
        """Wait until so many listen to events."""
        async with asyncio.timeout(PATIENCE_S):
            while self.app.bus.listening != count:  # noqa: ASYNC110 - the bus tells nobody who listens
                await asyncio.sleep(POLL_S)


def client_of(front: Listening) -> ClientSession:
    timeout = ClientTimeout(PATIENCE_S)
    return ClientSession(front.url, connector=TCPConnector(limit=0), timeout=timeout, cookie_jar=DummyCookieJar())
