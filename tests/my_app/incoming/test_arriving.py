"""Bodies as they arrive: whole, too slowly, or in a coding that cannot be undone."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from io import BytesIO

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from devserver.errors import InputError
from my_app.incoming.arriving import SLOWEST_BYTES, STALL, read_blocks
from tests.doubles.passing_time import SkippingLoop, run_skipping
from tests.my_app.incoming.conftest import Reader
from tests.patience import PATIENCE_S

STALL_S = 10.0


def asked() -> web.Request:
    app = web.Application()
    app[STALL] = STALL_S
    return make_mocked_request("POST", "/", app=app)


def blocks(*sizes: int, pause_s: float = 0.0) -> Callable[[], Awaitable[bytes]]:
    """Reads that give blocks of these sizes, each after a pause, and then the end."""
    left = list(sizes)

    async def read() -> bytes:
        if left:
            await asyncio.sleep(pause_s)
        return bytes(left.pop(0)) if left else b""

    return read


async def sizes_of(read: Callable[[], Awaitable[bytes]]) -> list[int]:
    return [len(block) async for block in read_blocks(asked(), read)]


async def slowly(*sizes: int, pause_s: float) -> list[int]:
    """As `sizes_of`, on a loop where a pause takes no time."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SkippingLoop)
    loop.waiting.skips = True
    return await sizes_of(blocks(*sizes, pause_s=pause_s))


async def test_the_blocks_come_as_they_are_read_until_there_is_none() -> None:
    assert await sizes_of(blocks(3, 1, 2)) == [3, 1, 2]


@pytest.mark.parametrize("sizes", [(5,), (1,) * 4])
def test_a_body_that_stops_or_drips_is_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as refused:
        run_skipping(slowly(*sizes, pause_s=STALL_S / 3 if len(sizes) > 1 else 2 * STALL_S))
    assert (refused.value.status, refused.value.message_code) == (408, "body_too_slow")
    assert refused.value.values["stall_s"] == STALL_S


def test_what_comes_fast_enough_may_take_as_long_as_it_is_large() -> None:
    sizes = [SLOWEST_BYTES] * 5
    assert run_skipping(slowly(*sizes, pause_s=0.9 * STALL_S)) == sizes


async def test_a_body_that_cannot_be_unpacked_ends_its_connection(served: Reader) -> None:
    async def read(request: web.Request) -> bytes:
        return b"".join([block async for block in read_blocks(request, request.content.readany)])

    async with served(read) as client:
        packed = {"Content-Encoding": "gzip"}
        async with client.post("/", data=BytesIO(gzip.compress(b"sound")), headers=packed) as reply:
            assert (reply.status, await reply.read()) == (200, b"sound")
        reader, writer = await asyncio.open_connection("127.0.0.1", reply.url.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip")
        async with asyncio.timeout(PATIENCE_S):
            answer = (await reader.read()).decode()  # up to its end
        writer.close()
    assert answer.startswith("HTTP/1.1 400 ")
    assert '"field": "Content-Encoding"' in answer
