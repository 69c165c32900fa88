from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from io import BytesIO

import pytest
from aiohttp import ClientSession, web
from flask import Flask, Response, request

from my_app.bridge import USER_ID, Bridge, environ_of, read_body, send

MAX_BYTES = 1 << 21


class Views:
    """A Flask app that shows what reached it, and what became of its stream."""

    def __init__(self) -> None:
        self.app = Flask("views")
        self.closed = threading.Event()
        self.app.add_url_rule("/echo/<path:rest>", "echo", self.echo, methods=["GET", "POST"])
        self.app.add_url_rule("/body", "body", lambda: Response(request.get_data()), methods=["POST"])
        self.app.add_url_rule("/endless", "endless", lambda: Response(self.endless()))
        self.app.add_url_rule("/broken", "broken", lambda: Response(self.broken()))

    def echo(self, rest: str) -> Response:
        shown = {"rest": rest, "query": request.args.to_dict(flat=False), "accept": request.headers.get("X-Many")}
        reply = Response(json.dumps(shown), 201, mimetype="application/json")
        reply.headers.add("Set-Cookie", "a=1")
        reply.headers.add("Set-Cookie", "b=2")
        return reply

    def endless(self) -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            self.closed.set()

    def broken(self) -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError("in the middle")


@pytest.fixture
def views() -> Views:
    return Views()


@pytest.fixture
async def client(views: Views) -> AsyncIterator[ClientSession]:
    bridge = Bridge(views.app, threads=2)

    async def respond(request: web.Request) -> web.StreamResponse:
        request[USER_ID] = "local"
        return await send(request, await bridge.call(environ_of(request, await read_body(request, MAX_BYTES))))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
        yield client
    await runner.cleanup()
    await bridge.close()


async def test_path_query_and_repeated_headers_arrive_whole(client: ClientSession) -> None:
    headers = [("X-Many", "one"), ("X-Many", "two")]
    async with client.get("/echo/ü b?x=1&x=%26", headers=headers) as reply:
        assert reply.status == 201
        assert await reply.json() == {"rest": "ü b", "query": {"x": ["1", "&"]}, "accept": "one,two"}
        assert reply.headers.getall("Set-Cookie") == ["a=1", "b=2"]


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


async def test_a_stream_comes_in_pieces_and_its_view_is_closed_when_the_client_goes(
    client: ClientSession, views: Views
) -> None:
    async with client.get("/endless") as reply:
        assert len(await reply.content.readexactly(1 << 20)) == 1 << 20
        assert not views.closed.is_set()
        reply.close()
    assert await asyncio.to_thread(views.closed.wait, 10)


async def test_a_stream_that_fails_does_not_look_complete(client: ClientSession) -> None:
    async with client.get("/broken") as reply:
        with pytest.raises(Exception, match=r"(?i)payload|closed|disconnect"):
            await reply.read()
