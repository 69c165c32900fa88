"""Requests to a backend: what comes of an answer, and the words for one that does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from devserver.comfy.connection import REASON_CHARACTERS, TEXT_CHARACTERS, Connection
from devserver.comfy.errors import Unreachable
from tests.comfy.backend import Backend

SECRET = {"Authorization": "Bearer abcdefgh"}


async def test_an_answer_that_does_not_come_has_a_code_and_quotes_the_reason() -> None:
    async with Connection("http://127.0.0.1:9") as connection:
        with pytest.raises(Unreachable) as caught:
            await connection.exchange("GET", "/x")
    said = caught.value.said
    assert (said.message_code, said.values["request"]) == ("backend_no_answer", "GET http://127.0.0.1:9/x")
    assert said.values["problem_quoted"] is True
    assert str(caught.value) == f"GET http://127.0.0.1:9/x: no answer ({said.values['problem']})"


@pytest.fixture
async def connection(backend: Backend) -> AsyncIterator[Connection]:
    async with Connection(f"{backend.url}/", SECRET) as connection:
        yield connection


def answers(backend: Backend, response: web.Response) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return response

    backend.answers["GET", "/x"] = answer


async def test_json_is_parsed_and_anything_else_is_its_text(backend: Backend, connection: Connection) -> None:
    answers(backend, web.json_response({"a": 1}, status=400))
    assert await connection.exchange("GET", "/x") == (400, {"a": 1})
    answers(backend, web.Response(text="y" * (TEXT_CHARACTERS + 1)))
    assert await connection.exchange("GET", "/x") == (200, "y" * TEXT_CHARACTERS)


async def test_a_secret_that_is_sent_is_not_read_back(backend: Backend, connection: Connection) -> None:
    async def show(request: web.Request) -> web.Response:
        return web.json_response({"sent": request.headers["Authorization"]})

    backend.answers["GET", "/x"] = show
    assert await connection.exchange("GET", "/x") == (200, {"sent": "***"})


async def test_a_redirect_is_not_followed(backend: Backend, connection: Connection) -> None:
    answers(backend, web.Response(status=302, headers={"Location": "/queue"}))
    assert await connection.exchange("GET", "/x") == (302, "")
    assert [request.path for request in backend.requests] == ["/x"]


async def test_no_cookie_is_kept(backend: Backend) -> None:
    async def greet(_request: web.Request) -> web.Response:
        return web.Response(headers={"Set-Cookie": "session=5"})

    backend.answers["GET", "/x"] = greet
    async with Connection(backend.url.replace("127.0.0.1", "localhost")) as connection:  # of a number none is kept ever
        for _ in range(2):
            await connection.exchange("GET", "/x")
    assert ["Cookie" in request.headers for request in backend.requests] == [False, False]


async def test_an_answer_that_is_late_or_long_is_none(backend: Backend, connection: Connection) -> None:
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    backend.answers["GET", "/x"] = hang
    with pytest.raises(Unreachable, match=rf"^GET {backend.url}/x: no (whole answer within 0\.1 s|answer)"):
        await connection.exchange("GET", "/x", seconds=0.1)
    answers(backend, web.Response(body=b"x" * 11))
    with pytest.raises(Unreachable, match=r"/x: no answer \(an answer of 11 bytes, at most 10 are read\)"):
        await connection.exchange("GET", "/x", limit_bytes=10)


async def test_nobody_at_the_address_is_told_shortly() -> None:
    async with Connection("http://127.0.0.1:9") as connection:
        with pytest.raises(Unreachable, match=r"^GET http://127\.0\.0\.1:9/x: no answer \(") as wrong:
            await connection.exchange("GET", "/x")
    assert len(str(wrong.value)) < REASON_CHARACTERS + 50


async def test_a_connection_that_was_closed_asks_nobody_any_more(backend: Backend, connection: Connection) -> None:
    await connection.exchange("GET", "/queue")
    await connection.close()
    with pytest.raises(Unreachable, match="the connection to this backend was closed"):
        await connection.exchange("GET", "/queue")
    assert len(backend.requests) == 1
