"""A fake of a server of language models: the OpenAI-compatible chat route and Ollama's own, on a real socket.

It says what a test scripts, one `Say` for each request, then the last one again; it remembers what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from aiohttp import web

PIECE = 7  # characters of an answer that are sent at a time


@dataclass(frozen=True)
class Say:
    """One answer. `content` may also be made from the request's messages."""

    content: str | Callable[[list[dict[str, str]]], str] = ""
    status: int = 200
    kind: Literal["stream", "whole", "html", "hang", "broken", "cut", "endless"] = "stream"
    finish: str = "stop"
    refusal: str = ""
    if_plain: bool = False  # 400 as long as the request has a response_format


def answer(**fields: Any) -> Say:
    """An answer in JSON, as asked for."""
    return Say(json.dumps(fields, ensure_ascii=False))


def echo(prefix: str) -> Say:
    """Rewrites whatever it gets by putting words before it; passes every check; says that texts are German."""

    def say(messages: list[dict[str, str]]) -> str:
        told = {"text": f"{prefix}{messages[-1]['content']}", "language": "de", "allowed": True}
        return json.dumps({**told, "category": "", "reason": ""}, ensure_ascii=False)

    return Say(say)


@dataclass
class LlmServer:
    """Runs in a thread with a loop of its own, so that a server in another process can ask it."""

    says: list[Say]
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: list[dict[str, Any]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)
    talking: threading.Event = field(default_factory=threading.Event)
    models: list[str] = field(default_factory=lambda: ["tiny"])
    listed: Any = None  # what is answered in place of the list of the models

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> str:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/api/generate", self._generate)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def _models(self, _request: web.Request) -> web.Response:
        models = [{"id": model, "object": "model"} for model in self.models]
        return web.json_response(self.listed or {"object": "list", "data": models})

    async def _generate(self, request: web.Request) -> web.Response:
        self.released.append(await request.json())
        return web.json_response({"done": True, "done_reason": "unload"})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        say = self.says[min(len(self.asked), len(self.says) - 1)]
        self.asked.append(body)
        self.headers.append(dict(request.headers))
        self.talking.set()
        try:
            return await self._say(request, body, say)
        except (asyncio.CancelledError, ConnectionError):
            self.hung_up.set()
            raise

    async def _say(self, request: web.Request, body: dict[str, Any], say: Say) -> web.StreamResponse:
        content = say.content if isinstance(say.content, str) else say.content(body["messages"])
        if say.if_plain and "response_format" in body:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        if say.status != 200 and say.kind != "html":
            return web.json_response({"error": {"message": content}}, status=say.status)
        if say.kind == "html":
            return web.Response(text=content or "<!doctype html><p>hello", content_type="text/html", status=say.status)
        if say.kind == "whole":
            message = {"role": "assistant", "content": content}
            return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": say.finish}]})
        return await self._stream(request, say, content)

    async def _stream(self, request: web.Request, say: Say, content: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        pieces = [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
        for piece in pieces[: len(pieces) // 2 if say.kind in ("hang", "cut") else None]:
            await response.write(_event({"content": piece}))
        if say.kind == "hang":
            await asyncio.Event().wait()
        if say.kind == "broken":
            await response.write(b"data: {no json\n\n")
        while say.kind == "endless":
            await response.write(_event({"content": "x" * 60_000}))
        if say.kind != "cut":
            delta = {"refusal": say.refusal} if say.refusal else {}
            await response.write(_event(delta, say.finish) + b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')
        return response


def _event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    message = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return f"data: {json.dumps(message, ensure_ascii=False)}\n\n".encode()
