"""The same sound by two ways: straight from the backend over its socket, and through the server."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse, TCPConnector, WSMsgType

from benchmarks.graph import graph

PATIENCE = ClientTimeout(total=600)


class Way(Protocol):
    """One way to a finished sound of so many seconds; answers its bytes."""

    async def make(self, seconds: float) -> bytes: ...


def request(seconds: float, **more: Any) -> dict[str, Any]:
    """The same as a request to the server."""
    return {
        "schema": "plain",
        "input_text": "silence",
        "output_config": "silence_mp3",
        "params": {"seconds": seconds},
        "safety_level": "off",
        "fallback": False,
        **more,
    }


@contextlib.asynccontextmanager
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(timeout=PATIENCE, connector=TCPConnector(limit=0)) as made:
        yield made


@dataclass
class Bare:
    """The least that a program of one's own does, and so the floor: submit, wait on one socket, fetch."""

    session: ClientSession
    url: str
    client_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _files: dict[str, asyncio.Future[dict[str, str]]] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Bare]:
        async with self.session.ws_connect(f"{self.url}/ws", params={"clientId": self.client_id}) as socket:
            ears = asyncio.create_task(self._listen(socket))
            try:
                yield self
            finally:
                ears.cancel()

    async def _listen(self, socket: ClientWebSocketResponse) -> None:
        files: dict[str, dict[str, str]] = {}
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            event = message.json()
            data, prompt_id = event.get("data", {}), event.get("data", {}).get("prompt_id")
            if event["type"] == "executed":
                files[prompt_id] = data["output"]["audio"][0]
            if event["type"] == "executing" and data["node"] is None and prompt_id in self._files:
                self._files.pop(prompt_id).set_result(files.pop(prompt_id))

    async def make(self, seconds: float) -> bytes:
        prompt_id = str(uuid.uuid4())
        done = self._files[prompt_id] = asyncio.get_running_loop().create_future()
        body = {
            "prompt": graph(seconds, f"bench/{prompt_id}/audio"),
            "prompt_id": prompt_id,
            "client_id": self.client_id,
        }
        async with self.session.post(f"{self.url}/prompt", json=body) as answer:
            assert answer.status == 200, await answer.text()
            await answer.read()
        async with self.session.get(f"{self.url}/view", params=await done) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()


@dataclass
class Through:
    """One request to the server, and the file from where its answer says."""

    session: ClientSession
    url: str

    async def run(self, seconds: float, **more: Any) -> dict[str, Any]:
        """The server's answer."""
        body = request(seconds, **more)
        async with self.session.post(f"{self.url}/api/schema/pipeline/execute", json=body) as answer:
            said: dict[str, Any] = await answer.json()
            assert answer.status in {200, 202}, said
        return said

    async def make(self, seconds: float) -> bytes:
        address = (await self.run(seconds))["media_output"]["url"]
        async with self.session.get(address if "://" in address else self.url + address) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.read()
