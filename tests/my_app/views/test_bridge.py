from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from aiohttp import ClientSession, web
from flask import Flask, Response, request

from my_app.addresses.below import PREFIX
from my_app.answers.errors import errors
from my_app.incoming.bodies import read_body
from my_app.incoming.credentials import USER_ID
from my_app.views.bridge import Bridge, headers_of
from my_app.views.threads import Threads
from tests.patience import PATIENCE_S

MAX_BYTES = 1 << 21


class Views:
    """A Flask app that shows what reached it."""

    def __init__(self) -> None:
        self.app = Flask("views")
        self.begun, self.go_on, self.done = threading.Event(), threading.Event(), threading.Event()
        self.app.add_url_rule("/echo/<path:rest>", "echo", self.echo, methods=["GET", "POST"])
        self.app.add_url_rule("/body", "body", lambda: Response(request.get_data()), methods=["POST"])
        self.app.add_url_rule("/slow", "slow", self.slow)

    def echo(self, rest: str) -> Response:
        shown = {
            "rest": rest,
            "query": request.args.to_dict(flat=False),
            "accept": request.headers.get("X-Many"),
            "below": request.script_root,
        }
        reply = Response(json.dumps(shown), 201, mimetype="application/json")
        reply.headers.add("Set-Cookie", "a=1")
        reply.headers.add("Set-Cookie", "b=2")
        return reply

    def slow(self) -> Response:
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        self.done.set()
        return Response()


@pytest.fixture
def views() -> Views:
    return Views()


@pytest.fixture
async def client(views: Views) -> AsyncIterator[ClientSession]:
    threads = Threads(2)
    bridge = Bridge(views.app, threads)

    async def respond(request: web.Request) -> web.StreamResponse:
        request[USER_ID] = "local"
        request[PREFIX] = request.headers.get("X-Below", "")
        return await bridge.call(request, await read_body(request, MAX_BYTES))

    async def native(request: web.Request) -> web.StreamResponse:
        return web.json_response({"accept": headers_of(request)["X-Many"]})

    app = web.Application(middlewares=[errors])
    app.router.add_get("/native", native)
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        yield client
    await runner.cleanup()
    await threads.close()


async def test_path_query_and_repeated_headers_arrive_whole(client: ClientSession) -> None:
    headers = [("X-Many", "one"), ("X-Many", "two")]
    async with client.get("/echo/ü b?x=1&x=%26", headers=headers) as reply:
        assert reply.status == 201
        shown = {"rest": "ü b", "query": {"x": ["1", "&"]}, "accept": "one,two", "below": ""}
        assert await reply.json() == shown
        assert reply.headers.getall("Set-Cookie") == ["a=1", "b=2"]


async def test_a_flask_view_reads_the_headers_that_a_native_one_reads(client: ClientSession) -> None:
    headers = [("X-Many", "schlüssel"), ("X-Many", "two")]
    async with client.get("/echo/x", headers=headers) as flask, client.get("/native", headers=headers) as native:
        assert (await flask.json())["accept"] == (await native.json())["accept"] == "schlüssel,two"


async def test_a_view_knows_the_path_that_the_server_is_below(client: ClientSession) -> None:
    async with client.get("/echo/x", headers={"X-Below": "/music/a b"}) as reply:
        assert (await reply.json())["below"] == "/music/a b"


@pytest.mark.parametrize("size", [0, 1, MAX_BYTES])
async def test_a_body_goes_through_unchanged(client: ClientSession, size: int) -> None:
    body = bytes(i % 251 for i in range(size))
    async with client.post("/body", data=BytesIO(body)) as reply:
        assert await reply.read() == body


async def test_a_body_of_unknown_length_goes_through_unchanged(client: ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async with client.post("/body", data=chunks()) as reply:
        assert await reply.read() == b"one two"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(client: ClientSession, chunked: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * (MAX_BYTES + 1)

    async with client.post("/body", data=chunks() if chunked else BytesIO(b"x" * (MAX_BYTES + 1))) as reply:
        assert reply.status == 413


async def test_head_has_the_length_and_no_body(client: ClientSession) -> None:
    async with client.get("/echo/x") as got, client.head("/echo/x") as head:
        assert (head.status, await head.read()) == (201, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


async def test_a_view_runs_to_its_end_where_its_client_has_gone(client: ClientSession, views: Views) -> None:
    asking = asyncio.create_task(client.get("/slow"))
    assert await asyncio.to_thread(views.begun.wait, PATIENCE_S)
    asking.cancel()
    await asyncio.wait({asking})
    views.go_on.set()
    assert await asyncio.to_thread(views.done.wait, PATIENCE_S)
