"""Answers of other programs: whole, within their limit, and of a depth that can be passed on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer

from devserver.http.answers import MAX_DEPTH, PARSED_HERE_BYTES, PLAIN, BrokenAnswer, parse, parse_off_loop, read_answer

BODY = b"x" * 1_000


@asynccontextmanager
async def asked(headers: dict[str, str], *, length: bool) -> AsyncIterator[ClientResponse]:
    """Ask a server that answers with BODY, with or without saying its length."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        if length:
            response.content_length = len(BODY)
        await response.prepare(request)
        await response.write(BODY)
        return response

    app = web.Application()
    app.router.add_get("/", answer)
    async with (
        TestServer(app) as server,
        ClientSession(headers=PLAIN, auto_decompress=False) as session,
        session.get(server.make_url("/")) as response,
    ):
        yield response


@pytest.mark.parametrize("length", [True, False])
async def test_an_answer_may_have_as_many_bytes_as_are_read_and_no_more(length: bool) -> None:
    async with asked({}, length=length) as response:
        assert await read_answer(response, len(BODY)) == BODY
    async with asked({}, length=length) as response:
        with pytest.raises(BrokenAnswer, match=r"an answer of (more than 999|1000) bytes"):
            await read_answer(response, len(BODY) - 1)


@pytest.mark.parametrize("packed", ["gzip", "br", " GZip "])
async def test_an_answer_that_is_packed_is_refused_unread(packed: str) -> None:
    async with asked({"Content-Encoding": packed}, length=True) as response:
        with pytest.raises(BrokenAnswer, match="which the request did not ask for"):
            await read_answer(response, len(BODY))


async def test_an_answer_that_says_that_it_is_plain_is_read() -> None:
    async with asked({"Content-Encoding": " Identity "}, length=True) as response:
        assert await read_answer(response, len(BODY)) == BODY


@pytest.mark.parametrize("entries", [1, PARSED_HERE_BYTES])
async def test_a_long_answer_reads_as_a_short_one(entries: int) -> None:
    assert await parse_off_loop(json.dumps([1] * entries)) == [1] * entries
    with pytest.raises(BrokenAnswer, match="invalid JSON"):
        await parse_off_loop("[" + "1," * entries)


def test_the_deepest_that_is_read_has_as_many_levels_as_the_limit() -> None:
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(BrokenAnswer, match=f"JSON of more than {MAX_DEPTH} levels"):
        parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse(b"\xef\xbb\xbf[]") == []


def test_json_of_many_levels_is_refused_and_that_of_some_is_not() -> None:
    assert parse("[" * 90 + "]" * 90)
    for text in ("[" * 101 + "]" * 101, "[" * 100_000, '{"a":' * 100_000, b"\xff", "[1", ""):
        with pytest.raises(BrokenAnswer):
            parse(text)


def test_half_a_surrogate_pair_is_read_as_what_can_be_written_down() -> None:
    half, whole, raw = r'["\ud800", "a\uDFFFb"]', r'["\ud83c\udfb5", "\\ud800"]', b'["\xed\xa0\x80"]'
    assert parse(half) == ["\ufffd", "a\ufffdb"]
    assert parse(half.encode()) == parse(half)
    assert parse(whole) == ["\U0001f3b5", r"\ud800"]
    with pytest.raises(BrokenAnswer):
        parse(raw)


def test_numbers_that_json_does_not_have_are_read_as_null() -> None:
    assert parse("[NaN, Infinity, -Infinity, 1e400, -1e400, 1e300, 0.5]") == [None] * 5 + [1e300, 0.5]
