"""Speaks to a running subject and writes down what it answers, in the form of the transcripts."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.patience import PATIENCE_S

Event = dict[str, Any]
Graph = dict[str, Any]


class Ear:
    """One websocket; what it hears is kept in `events`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, client_id: str, patience_seconds: float) -> None:
        self.socket, self.client_id, self._patience = socket, client_id, patience_seconds
        self.events: list[Event] = []
        self._heard = asyncio.Event()
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.events.append(json.loads(message.data))
                self._heard.set()

    async def until(self, wanted: Callable[[Event], bool], what: str, start: int = 0) -> Event:
        """The first event from number `start` on, heard already or to come, for which `wanted` is true."""
        index = start

        async def search() -> Event:
            nonlocal index
            while True:
                self._heard.clear()
                while index < len(self.events):
                    index += 1
                    if wanted(self.events[index - 1]):
                        return self.events[index - 1]
                await self._heard.wait()

        try:
            return await asyncio.wait_for(search(), self._patience)
        except TimeoutError:
            kinds = [event["type"] for event in self.events]
            raise AssertionError(f"never heard {what}; heard {kinds}") from None

    async def end_of(self, prompt_id: str) -> None:
        end = {"node": None, "prompt_id": prompt_id}
        await self.until(lambda event: event["type"] == "executing" and event["data"] == end, "the end mark")

    async def idle_again(self, start: int = 0) -> None:
        """Wait until the queue, after event number `start`, was full and is empty again."""
        busy = False

        def idle(event: Event) -> bool:
            nonlocal busy
            if event["type"] != "status":
                return False
            remaining = int(event["data"]["status"]["exec_info"]["queue_remaining"])
            busy = busy or remaining > 0
            return busy and not remaining

        await self.until(idle, "an empty queue", start)

    async def close(self) -> None:
        await self.socket.close()
        await self._task


class Live:
    """A running host or ComfyUI."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession, patience_seconds: float = PATIENCE_S) -> None:
        self.base_url, self.session, self.patience_seconds = base_url, session, patience_seconds
        self.token = uuid.uuid4().hex[:8]  # in every name, so that a subject that was used before still starts fresh
        self._seed = int(self.token, 16) % 1000

    def fresh(self) -> int:
        """A number that was not used before, so that nothing that is made from it is cached."""
        self._seed += 1
        return self._seed

    def seconds(self) -> float:
        """A fresh length of audio between one and two seconds."""
        return 1 + self.fresh() % 1000 / 1000

    async def ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        async with self.session.request(method, self.base_url + path, **options) as answer:
            raw = await answer.read()
            kind = answer.headers.get("Content-Type")
            body = json.loads(raw) if kind and kind.startswith("application/json") else raw.decode(errors="replace")
            return {"status": answer.status, "content_type": kind, "headers": dict(answer.headers), "body": body}

    @asynccontextmanager
    async def ear(self, client_id: str | None = None, flags: dict[str, Any] | None = None) -> AsyncIterator[Ear]:
        """A websocket that has been greeted."""
        query = "" if client_id is None else f"?clientId={client_id}"
        url = f"{self.base_url.replace('http', 'ws', 1)}/ws{query}"
        async with self.session.ws_connect(url) as socket:
            ear = Ear(socket, client_id or "", self.patience_seconds)
            try:
                if flags is not None:
                    await socket.send_json({"type": "feature_flags", "data": flags})
                greeting = await ear.until(lambda event: event["type"] == "status", "a greeting")
                ear.client_id = ear.client_id or str(greeting["data"].get("sid"))
                yield ear
            finally:
                await ear.close()

    async def submit(self, graph: Graph, client_id: str | None = None, **more: Any) -> dict[str, Any]:
        body = {"prompt": graph, **({} if client_id is None else {"client_id": client_id}), **more}
        return await self.ask("POST", "/prompt", json=body)

    async def history(self, prompt_id: str) -> dict[str, Any]:
        return await self.ask("GET", f"/history/{prompt_id}")

    async def run(self, graph: Graph, **more: Any) -> dict[str, Any]:
        """One prompt from the greeting to its history: `submit`, `ws`, `history`, `entry`."""
        async with self.ear() as ear:
            return {"connect": list(ear.events), **await self.run_heard(ear, graph, **more)}

    async def run_heard(self, ear: Ear, graph: Graph, **more: Any) -> dict[str, Any]:
        """The same on a socket that is open already; `ws` holds what it heard meanwhile."""
        before = len(ear.events)
        submit = await self.submit(graph, ear.client_id, **more)
        assert submit["status"] == 200, submit
        prompt_id = submit["body"]["prompt_id"]
        await ear.end_of(prompt_id)
        ws = ear.events[before:]
        history = await self.history(prompt_id)
        assert prompt_id in history["body"], "no history after the end mark"
        return {"submit": submit, "ws": ws, "history": history, "entry": history["body"][prompt_id]}


def silence(seconds: float, save: str = "SaveAudioMP3", prefix: str = "x", **inputs: Any) -> Graph:
    """EmptyAudio into a save node: the smallest graph that makes a file."""
    if save == "SaveAudioMP3":
        inputs = {"quality": "V0"} | inputs
    empty = {"duration": seconds, "sample_rate": 44100, "channels": 2}
    return {
        "1": {"class_type": "EmptyAudio", "inputs": empty},
        "2": {"class_type": save, "inputs": {"audio": ["1", 0], "filename_prefix": prefix} | inputs},
    }


def long_piece(seed: int, seconds: float) -> Graph:
    """A composition, which reports progress and can be interrupted while it renders."""
    wish = {"prompt": "ambient", "genre": "auto", "bpm": 0.0, "key": "auto", "mood": "auto", "instruments": ""}
    return {
        "1": {"class_type": "TonewrightCompose", "inputs": wish | {"seconds": seconds, "seed": seed}},
        "2": {"class_type": "TonewrightSynthesise", "inputs": {"song": ["1", 0]}},
        "3": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["2", 0], "filename_prefix": "long", "quality": "V0"}},
    }
