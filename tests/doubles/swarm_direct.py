"""`/ComfyBackendDirect` of the double: what is passed on to which backend, and what is lost on the way."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from aiohttp import WSMsgType, web

# SwarmUI writes text/html without a charset here, and with one where an exception is answered.
NO_COMFYUI = """<!DOCTYPE html><html><head><title>ComfyUI</title><style>body { color: red; }</style></head><body>
<h2 class="comfy-failed-to-load">No ComfyUI backend available, loading failed.</h2></body></html>"""
DENIED = """<!DOCTYPE html><html><head></head><body>
<h2 class="comfy-failed-to-load">Permission denied.</h2></body></html>"""
EXCEPTION = "<!DOCTYPE html><html><body><h1>Error 500: Internal Server Error</h1></body></html>"
INDENTED_BELOW_BYTES = 81_920
OTHER_SWARM = "swarmswarmbackend"


@dataclass
class Switches:
    """What is concluded from SwarmUI's source and was never seen, and what happens only at times."""

    dies_without_upstream: bool = True  # a socket whose backend refuses ends without a close frame
    interrupt_needs_id: bool = True
    repeats_events: bool = False  # as before a binary frame of another backend
    holds_greetings: bool = False  # a backend whose first message is late
    cuts_files_after: int | None = None  # bytes of a /view that reach the client


@dataclass
class Link:
    """One socket to one backend; it has a sid, and so is a link, once that has greeted."""

    number: int
    socket: aiohttp.ClientWebSocketResponse
    sid: str = ""
    queue_remaining: int = 0


@dataclass
class User:
    """One socket of ours and what it is linked to."""

    socket: web.WebSocketResponse
    links: list[Link] = field(default_factory=list)
    sid: str = ""
    last: dict[str, str] = field(default_factory=dict)


class Upstream(Protocol):
    """What is asked about a backend."""

    url: str
    type: str
    max_usages: int


class Swarm(Protocol):
    """What is asked of the double's state."""

    switches: Switches

    @property
    def backends(self) -> Any: ...
    def may(self, request: web.Request) -> bool: ...
    async def running(self) -> list[int]: ...


class Direct:
    """The proxy."""

    def __init__(self, swarm: Swarm) -> None:
        self.swarm = swarm
        self.users: dict[str, User] = {}
        self.had_users = False  # since the start, also where each of them is gone
        self.improper = 0  # prompts of clients without a socket
        self._session: aiohttp.ClientSession | None = None

    async def stop(self, _app: web.Application) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    def url(self, number: int, path: str) -> str:
        backend = self.swarm.backends[number]
        return f"{backend.url}/{path}" if backend.type != OTHER_SWARM else f"{backend.url}/ComfyBackendDirect/{path}"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if not self.swarm.may(request):
            return web.Response(status=401, body=DENIED.encode(), content_type="text/html")
        running = await self.swarm.running()
        pinned = request.headers.get("X-Swarm-Backend-ID", "")
        if pinned.isdecimal():  # another pin is ignored
            running = [number for number in running if str(number) == pinned]
        else:
            running += [n for n, b in self.swarm.backends.items() if b.type == OTHER_SWARM and b.status == "running"]
        if not running:
            return web.Response(status=400, body=NO_COMFYUI.encode(), content_type="text/html")
        multi = request.cookies.get("comfy_domulti") == "true"
        asked = running if multi else running[:1]
        try:
            return await self._serve_by(request, asked)
        except aiohttp.ClientConnectionError:
            return _exception(request)

    async def _serve_by(self, request: web.Request, asked: list[int]) -> web.StreamResponse:
        match request.method, request.match_info["path"].removeprefix("api/"):
            case _, "ws":
                return await self._ws(request, asked)
            case "POST", "prompt":
                return await self._prompt(request, asked)
            case "POST", "interrupt":
                return await self._interrupt(request, asked)
            case "POST", "queue":
                return await self._pass_on(request, asked, await request.read())
            case "GET", "view" if request.query_string.startswith("filename="):
                return await self._first_found(request, asked)
        return await self._pass_on(request, asked[:1], await request.read())

    # HTTP

    async def _forward(self, request: web.Request, number: int, body: bytes | None) -> web.StreamResponse:
        """Only status, type and body come back, and only method, path and type go there."""
        method = "POST" if request.method == "POST" else "GET"
        headers = {"Content-Type": request.headers["Content-Type"]} if "Content-Type" in request.headers else {}
        url = self.url(number, request.raw_path.split("/ComfyBackendDirect/", 1)[1])
        async with self.session.request(method, url, data=body or None, headers=headers) as answer:
            kept = {key: value for key, value in answer.headers.items() if key == "Content-Type"}
            if not kept:
                return web.Response(status=answer.status)
            response = web.StreamResponse(status=answer.status, headers=kept)
            response.enable_chunked_encoding()
            await response.prepare(request)
            cut = self.swarm.switches.cuts_files_after if "view?" in url else None
            if cut is not None:
                await response.write(await answer.content.readexactly(cut))
            elif request.method != "HEAD":
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            await response.write_eof()
            return response

    async def _pass_on(self, request: web.Request, numbers: list[int], body: bytes | None) -> web.StreamResponse:
        """To every one of them; the answer is the first one's."""
        for number in numbers[1:]:
            async with self.session.post(self.url(number, request.match_info["path"]), data=body) as answer:
                await answer.read()
        return await self._forward(request, numbers[0], body)

    async def _first_found(self, request: web.Request, numbers: list[int]) -> web.StreamResponse:
        for number in numbers:
            async with self.session.get(self.url(number, f"view?{request.query_string}")) as answer:
                if answer.status == 200:
                    return await self._forward(request, number, None)
        return await self._forward(request, numbers[0], None)

    async def _prompt(self, request: web.Request, numbers: list[int]) -> web.StreamResponse:
        body = await request.json()
        user = self.users.get(str(body.get("client_id")))
        links = [link for link in user.links if link.sid and link.number in numbers] if user else []
        if links:
            link = min(links, key=lambda link: link.queue_remaining)
            body["client_id"], number = link.sid, link.number
        else:
            self.improper += 1
            number = numbers[0]
        if self.swarm.backends[number].max_usages <= 0:
            refusal = "[SwarmUI] No functional comfy backend available to run this request, but valid backends exist."
            return web.json_response({"error": refusal}, status=400)
        return await self._forward(request, number, json.dumps(body).encode())

    async def _interrupt(self, request: web.Request, numbers: list[int]) -> web.StreamResponse:
        body = await request.read()
        if self.swarm.switches.interrupt_needs_id:
            try:
                prompt_id = json.loads(body).get("prompt_id")
            except ValueError:
                return _exception(request)
            if prompt_id is None and self.had_users:
                return _exception(request)
        return await self._pass_on(request, numbers, body)

    # The socket

    async def _ws(self, request: web.Request, numbers: list[int]) -> web.WebSocketResponse:
        """Accepted before there is anything behind it."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        client_id = request.query.get("clientId", "")
        user = User(socket)
        readers: list[asyncio.Task[None]] = []
        try:
            for number in numbers:
                url = self.url(number, f"ws?clientId={client_id}")
                link = Link(number, await self.session.ws_connect(url, max_msg_size=0))
                user.links.append(link)
                readers.append(asyncio.create_task(self._hear(user, link)))
            self.users[client_id], self.had_users = user, True
            async for message in socket:
                for link in user.links:
                    await _say(link.socket, message)
        except aiohttp.ClientError:
            if self.swarm.switches.dies_without_upstream and request.transport is not None:
                request.transport.abort()
        finally:
            if self.users.get(client_id) is user:
                del self.users[client_id]
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
            for link in user.links:
                await link.socket.close()
        return socket

    async def _hear(self, user: User, link: Link) -> None:
        async for message in link.socket:
            while self.swarm.switches.holds_greetings:  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.01)
            with contextlib.suppress(ConnectionError):
                if message.type is WSMsgType.BINARY:
                    for repeated in user.last.values() if len(user.links) > 1 else ():
                        await user.socket.send_str(repeated)
                    await user.socket.send_bytes(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._tell(user, link, message.data)
        await user.socket.close(code=1011, message=b"the backend is gone")

    async def _tell(self, user: User, link: Link, text: str) -> None:
        said = json.loads(text)
        data = said.get("data")
        if len(text.encode()) >= INDENTED_BELOW_BYTES or not isinstance(data, dict):
            await user.socket.send_str(text)
            return
        if "sid" in data:
            link.sid = data["sid"]
            user.sid = data["sid"] = user.sid or link.sid
        if said["type"] == "status":
            link.queue_remaining = data["status"]["exec_info"]["queue_remaining"]
            data["status"]["exec_info"]["queue_remaining"] = sum(link.queue_remaining for link in user.links)
        told = json.dumps(said, indent=2)
        await user.socket.send_str(told)
        if said["type"] in {"executing", "progress"}:
            user.last[said["type"]] = told
            if self.swarm.switches.repeats_events:
                await user.socket.send_str(told)


def _exception(request: web.Request) -> web.Response:
    """What SwarmUI answers where something breaks while it serves a direct call, a dead ComfyUI for example."""
    if request.method == "POST":
        response = web.Response(status=400)
        response.headers.popall("Content-Type", None)
        return response
    return web.Response(status=500, text=EXCEPTION, content_type="text/html")


async def _say(socket: aiohttp.ClientWebSocketResponse, message: aiohttp.WSMessage) -> None:
    if message.type is WSMsgType.TEXT:
        await socket.send_str(message.data)
    elif message.type is WSMsgType.BINARY:
        await socket.send_bytes(message.data)
