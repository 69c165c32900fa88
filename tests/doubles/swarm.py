"""A SwarmUI in front of hosts: its own routes, its files, and a way through to each backend (`swarm_direct`)."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from tests.doubles.swarm_direct import Direct, Switches

VERSION = "0.9.8.2"


@dataclass
class Behind:
    """One backend of the double. `status` may be set by a test.

    One that SwarmUI starts itself is seen to die. One by its address goes on running for good, or is idle while nothing
    listens there, if its settings say `AllowIdle`.
    """

    url: str
    output: Path | None = None
    type: str = "comfyui_selfstart"
    status: str = "running"
    max_usages: int = 1
    settings: dict[str, Any] = field(default_factory=dict)

    async def notice_death(self) -> None:
        if self.type == "comfyui_selfstart" and self.status == "running" and not await self.listens():
            self.status = "errored"
        if self.type == "comfyui_api" and self.settings.get("AllowIdle") and self.status in ("running", "idle"):
            self.status = "running" if await self.listens() else "idle"

    async def listens(self) -> bool:
        where = urlsplit(self.url)
        try:
            _, writer = await asyncio.open_connection(where.hostname, where.port)
        except OSError:
            return False
        writer.close()
        return True


class SwarmUI:
    """The state of the double and SwarmUI's own routes.

    Args:
        backends: in the order of their ids.
        token: the only valid `swarm_token`; without one every request is the local owner's.
        authorization: what the header must be. The real one lets loopback addresses in without.
    """

    def __init__(self, backends: Sequence[Behind], *, token: str | None = None, authorization: str = "") -> None:
        self.backends = dict(enumerate(backends))
        self.token, self.authorization = token, authorization
        self.switches = Switches()
        self.away = False  # as where nothing listens: each connection ends without an answer
        self.sessions: set[str] = set()
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.direct = Direct(self)

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30, middlewares=[self._gate])
        app.router.add_route("*", "/API/{route}", self._api)
        app.router.add_route("*", "/ComfyBackendDirect/{path:.*}", self.direct.serve)
        app.router.add_get("/View/{user}/_comfy{number:[0-9]+}/{path:.*}", self._view)
        app.on_cleanup.append(self.direct.stop)
        return app

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path, dict(request.headers)))
        if self.away and request.transport is not None:
            request.transport.abort()
            return web.Response()
        if self.authorization and request.headers.get("Authorization") != self.authorization:
            return web.Response(status=401, text="Unauthorized")
        response: web.StreamResponse = await handler(request)
        return response

    def may(self, request: web.Request) -> bool:
        """Whether the cookie is that of an account with every permission."""
        return self.token is None or request.cookies.get("swarm_token") == self.token

    async def running(self) -> list[int]:
        """The ids of the ComfyUI backends that run."""
        for backend in self.backends.values():
            await backend.notice_death()
        found = self.backends.items()
        return [number for number, b in found if b.status == "running" and b.type.startswith("comfyui_")]

    # Routes of its own

    async def _api(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if isinstance(body, web.Response):
            return body
        route = request.match_info["route"].lower()
        if route == "getnewsession":
            return self._new_session(request)
        session = request.headers.get("X-Session-ID") or body.get("session_id")
        if session is None:
            return _refused(400, "basic_api", "missing session id")
        if session not in self.sessions:
            message = "Invalid session ID. You may need to refresh the page."
            return _refused(401, "invalid_session_id", message)
        handler = getattr(self, f"_api_{route}", None)
        if handler is None:
            return _refused(400, "bad_route", "Unknown API route")
        response: web.Response = await handler()
        return response

    def _new_session(self, request: web.Request) -> web.Response:
        if not self.may(request):
            return web.json_response({"error": "Invalid or unauthorized."})
        session = secrets.token_hex(20)
        self.sessions.add(session)
        told = {"session_id": session, "user_id": "local", "output_append_user": True, "version": VERSION}
        return web.json_response({**told, "server_id": "double", "permissions": ["*"]})

    async def _api_getcurrentstatus(self) -> web.Response:
        running = await self.running()
        statuses = [backend.status for backend in self.backends.values()]
        loading = any(status in {"loading", "waiting"} for status in statuses)
        if not statuses:
            status = "empty"
        elif set(statuses) == {"disabled"}:
            status = "all_disabled"
        elif "errored" in statuses:
            status = "errored"
        elif loading:
            status = "some_loading" if running else "loading"
        else:
            status = "running" if running else statuses[0]
        state = {"status": status, "class": "", "message": f"The backends are {status}.", "any_loading": loading}
        # What came through the direct way is counted nowhere.
        counts = dict.fromkeys(("waiting_gens", "loading_models", "waiting_backends", "live_gens"), 0)
        return web.json_response({"status": counts, "backend_status": state, "supported_features": []})

    async def _api_listbackends(self) -> web.Response:
        await self.running()
        listed = {
            str(number): {
                "type": backend.type,
                "status": backend.status,
                "id": number,
                "settings": backend.settings,
                "enabled": backend.status != "disabled",
                "max_usages": backend.max_usages,
                "can_load_models": True,
            }
            for number, backend in self.backends.items()
        }
        return web.json_response(listed)

    async def _api_generatetext2image(self) -> web.Response:
        """A managed request waits while a backend loads, then fails here: this double makes nothing itself."""
        while not await self.running():
            if not any(backend.status in {"loading", "waiting"} for backend in self.backends.values()):
                return web.json_response({"error": "No backends available!"})
            await asyncio.sleep(0.01)
        message = "No backends match the settings of the request given!"
        return web.json_response({"error": message})

    async def _api_interruptall(self) -> web.Response:
        return web.json_response({"success": True})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        if not self.may(request):
            return _refused(401, "unauthorized", "unauthorized")
        backend = self.backends.get(int(request.match_info["number"]))
        if backend is None or backend.output is None:
            return _refused(404, "file_not_found", "The file does not exist.")
        path = (backend.output / request.match_info["path"]).resolve()
        if not path.is_relative_to(backend.output.resolve()) or not path.is_file():
            return _refused(404, "file_not_found", "The file does not exist.")
        return web.FileResponse(path)


async def _body(request: web.Request) -> dict[str, Any] | web.Response:
    if request.method != "POST":
        return _refused(400, "bad_request_method", "wrong method")
    if request.content_type != "application/json":
        return _refused(400, "basic_api", "Wrong content type")
    if request.content_length is None:
        return _refused(400, "basic_api", "bad content length")
    try:
        body = await request.json()
    except json.JSONDecodeError:
        body = None
    return body if isinstance(body, dict) else _refused(400, "internal_error", "An internal error occurred")


def _refused(status: int, error_id: str, message: str) -> web.Response:
    return web.json_response({"error_id": error_id, "error": message}, status=status)


class RunningSwarm:
    """The double on a port of its own, in a thread of its own: what a test does meanwhile does not hold it up."""

    def __init__(self, *backends: Behind, token: str | None = None, authorization: str = "") -> None:
        self.swarm = SwarmUI(backends, token=token, authorization=authorization)
        self.url = ""
        self._listening = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        runner = web.AppRunner(self.swarm.app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._listening.set()
            await self._done.wait()
        finally:
            await runner.cleanup()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    @property
    def direct(self) -> str:
        return f"{self.url}/ComfyBackendDirect"
