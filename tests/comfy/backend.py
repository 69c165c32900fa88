"""A backend that does only what a test tells it, over real sockets: for answers that no honest host gives."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from devserver.comfy.follow import Follower
from devserver.comfy.prompt import Outcome, PromptEvent
from schemas.graph import Graph
from schemas.json_values import JsonObject

GRAPH: Graph = {
    "1": {"class_type": "EmptyAudio", "inputs": {}},
    "2": {"class_type": "SaveAudioMP3", "inputs": {"audio": ["1", 0]}},
}

Run = Callable[..., Awaitable[tuple[Outcome, list[PromptEvent]]]]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
Script = Callable[[str], Coroutine[Any, Any, None]]


class Backend:
    """Queue, history and event socket under a test's control.

    `answers` replaces the answer of (method, path); `on_prompt` is a script that runs once for each prompt taken.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.running: list[str] = []
        self.pending: list[str] = []
        self.history: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.submitted: list[dict[str, Any]] = []
        self.commands: list[tuple[str, Any]] = []
        self.requests: list[web.Request] = []
        self.connections = 0
        self.greets = True
        self.first_frames: list[Any] = []
        self.sockets: set[web.WebSocketResponse] = set()
        self.answers: dict[tuple[str, str], Answer] = {}
        self.on_prompt: Script | None = None
        self.answered: list[str] = []
        self._happened = asyncio.Condition()
        self._scripts: set[asyncio.Task[None]] = set()
        self._server: TestServer | None = None
        self.port: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get(f"{self.prefix}/ws", self._socket)
        app.router.add_route("*", f"{self.prefix}/{{path:.*}}", self._serve)
        self._server = TestServer(app, host="127.0.0.1", port=self.port)
        await self._server.start_server(shutdown_timeout=0.1)
        self.port = self._server.port

    async def stop(self) -> None:
        """End it as a crash does: connections break without a word."""
        for task in self._scripts:
            task.cancel()
        await asyncio.gather(*self._scripts, return_exceptions=True)
        await self.drop_sockets()
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def drop_sockets(self) -> None:
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()
        self.sockets.clear()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something is so after a request or a connection."""
        async with self._happened:
            await self._happened.wait_for(happened)

    async def until_asked(self) -> None:
        """Wait until a history was asked for, from now on, and the answer is made."""
        before = len(self.answered)
        await self.until(lambda: any(path.startswith("/history/") for path in self.answered[before:]))

    async def _notify(self) -> None:
        async with self._happened:
            self._happened.notify_all()

    async def tell(self, kind: str, **data: Any) -> None:
        for socket in list(self.sockets):
            await socket.send_json({"type": kind, "data": data})

    async def show(self, prompt_id: str | None, image: bytes) -> None:
        """A preview: with its prompt's id (type 4), or without (type 1)."""
        metadata = {"node_id": "2", "prompt_id": prompt_id, "image_type": "image/jpeg"}
        await self.show_with(metadata if prompt_id else None, image)

    async def show_with(self, metadata: dict[str, Any] | None, image: bytes) -> None:
        if metadata is None:
            frame = struct.pack(">II", 1, 1) + image
        else:
            head = json.dumps(metadata).encode()
            frame = struct.pack(">II", 4, len(head)) + head + image
        for socket in list(self.sockets):
            await socket.send_bytes(frame)

    def finish(self, prompt_id: str, outputs: Any = None, messages: Any = None, status: str = "success") -> None:
        """Move a prompt from the queue to the history, at once, as ComfyUI does."""
        self.running = [other for other in self.running if other != prompt_id]
        self.pending = [other for other in self.pending if other != prompt_id]
        self.history[prompt_id] = {
            "outputs": {"2": {"audio": [sound()]}} if outputs is None else outputs,
            "status": {"status_str": status, "completed": status == "success", "messages": messages or []},
        }

    async def end(self, prompt_id: str) -> None:
        """The whole end of a prompt that went well, in ComfyUI's order."""
        await self.tell("executed", node="2", output={"audio": [sound()]}, prompt_id=prompt_id)
        await self.tell("execution_success", prompt_id=prompt_id)
        self.finish(prompt_id)
        await self.tell("executing", node=None, prompt_id=prompt_id)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        self.requests.append(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        greeting = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": request.query["clientId"]}
        if self.greets:
            await socket.send_json({"type": "status", "data": greeting})
        self.connections += 1
        await self._notify()
        async for message in socket:
            self.first_frames.append(json.loads(message.data))
        self.sockets.discard(socket)
        return socket

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        path = "/" + request.match_info["path"]
        response = await self.answers.get((request.method, path), self._answer)(request)
        self.answered.append(path)
        await self._notify()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = "/" + request.match_info["path"]
        match request.method, path:
            case "POST", "/prompt":
                return self._take(await request.json())
            case "POST", "/queue" | "/interrupt":
                return self._command(path, await request.json())
            case "GET", "/queue":
                return web.json_response(
                    {"queue_running": _listed(self.running), "queue_pending": _listed(self.pending)}
                )
            case "GET" | "HEAD", "/view":
                content = self.files.get(f"{request.query['subfolder']}/{request.query['filename']}".lstrip("/"))
                return web.Response(status=404) if content is None else web.Response(body=content)
            case "GET", _ if path.startswith("/history/"):
                prompt_id = path.removeprefix("/history/")
                return web.json_response({key: self.history[key] for key in [prompt_id] if key in self.history})
        return web.Response(status=404, text="no such page")

    def _take(self, body: dict[str, Any]) -> web.Response:
        self.submitted.append(body)
        prompt_id = body["prompt_id"]
        (self.pending if self.running else self.running).append(prompt_id)
        if self.on_prompt is not None:
            task = asyncio.create_task(self.on_prompt(prompt_id))
            self._scripts.add(task)
        return web.json_response({"prompt_id": prompt_id, "number": 0, "node_errors": {}})

    def _command(self, path: str, body: dict[str, Any]) -> web.Response:
        self.commands.append((path, body))
        if path == "/queue":
            self.pending = [prompt_id for prompt_id in self.pending if prompt_id not in body["delete"]]
        elif body.get("prompt_id") in self.running:
            self.finish(body["prompt_id"], {}, [["execution_interrupted", {}]], status="error")
        return web.Response()


def _listed(ids: list[str]) -> list[Any]:
    return [[number, prompt_id, {}, {}, []] for number, prompt_id in enumerate(ids)]


async def take_up(follower: Follower, prompt_id: str) -> Outcome:
    """Follow a prompt that was submitted before."""
    async with follower.watch(prompt_id) as watch:
        watch.check()
        return await watch.wait_for_outcome()


def sound(name: str = "a_00001_.mp3", subfolder: str = "runs/r1") -> JsonObject:
    return {"filename": name, "subfolder": subfolder, "type": "output"}


def transcript(name: str) -> Any:
    """A recorded conversation with a real ComfyUI."""
    here = Path(__file__).parent
    for folder in (here / "transcripts", here.parent / "contract" / "transcripts"):
        for path in folder.glob(f"{name}_*.json"):
            return json.loads(path.read_text())
    raise FileNotFoundError(name)
