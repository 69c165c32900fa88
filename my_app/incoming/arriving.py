"""Bodies as they arrive: block by block, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from devserver.errors import InputError

STALL_S: Final = 30.0
SLOWEST_BYTES: Final = 1 << 18  # that many must come in each of these times, so that nobody holds a place with drips
STALL: Final = web.AppKey("stall_s", float)


async def read_blocks(request: web.Request, read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    """Yield the blocks that `read` returns until it returns nothing.

    Raises:
        InputError: nothing came for the front's `stall_s`, or too little all in all (408).
    """
    stall_s = request.app.get(STALL, STALL_S)
    loop = asyncio.get_running_loop()
    begun, received = loop.time(), 0
    while True:
        try:
            async with asyncio.timeout_at(begun + stall_s * (1 + received / SLOWEST_BYTES)):
                block = await read()
        except TimeoutError as error:
            raise InputError("body_too_slow", status=408, slowest_kib=SLOWEST_BYTES >> 10, stall_s=stall_s) from error
        except (web.RequestPayloadError, HttpProcessingError) as error:
            # aiohttp would read on, to the same error, and log it as its own; what follows on the connection is unsure.
            request.content.feed_eof()
            request.protocol.close()
            raise InputError("body_encoding", status=400, field="Content-Encoding") from error
        if not block:
            return
        received += len(block)
        yield block
