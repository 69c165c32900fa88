"""Messages between a host and its worker, also where one of them ends in the middle."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest

from devserver.host.frames import LENGTH, pack, read_event, read_request

FIRST: dict[str, Any] = {"event": "progress", "data": {"text": "größer\n", "value": 1}}
SECOND: dict[str, Any] = {"event": "done", "data": {}}


def stream(content: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(content)
    reader.feed_eof()
    return reader


async def test_events_come_one_by_one_and_then_none() -> None:
    reader = stream(pack(FIRST) + pack(SECOND))
    assert [await read_event(reader) for _ in range(3)] == [FIRST, SECOND, None]


def test_so_do_requests() -> None:
    reader = io.BytesIO(pack(FIRST) + pack(SECOND))
    assert [read_request(reader) for _ in range(3)] == [FIRST, SECOND, None]


@pytest.mark.parametrize("kept", [1, LENGTH.size, LENGTH.size + 5])
async def test_a_message_that_breaks_off_is_the_end(kept: int) -> None:
    assert await read_event(stream(pack(FIRST)[:kept])) is None
    assert read_request(io.BytesIO(pack(FIRST)[:kept])) is None
