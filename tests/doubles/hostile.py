"""A server whose answers never end, or are made to hurt whoever reads them; nothing of them is held in memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Self

PIECE_BYTES = 1 << 16
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
UNTIL_CLOSED = HEAD + b"Connection: close\r\n\r\n"
DRIP_S = 0.02
Answer = Callable[[], AsyncIterator[bytes]]


async def drips_body() -> AsyncIterator[bytes]:
    yield UNTIL_CLOSED
    while True:
        await asyncio.sleep(DRIP_S)
        yield b" "


async def drips_headers() -> AsyncIterator[bytes]:
    yield HEAD + b"X-Long: "
    while True:
        await asyncio.sleep(DRIP_S)
        yield b"x"


async def floods_headers() -> AsyncIterator[bytes]:
    yield HEAD
    while True:
        yield b"X-Many: " + b"x" * 100 + b"\r\n"


async def says_nothing() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def never_ends() -> AsyncIterator[bytes]:
    yield UNTIL_CLOSED + b'{"a": ['
    while True:
        yield b'{"b": 1},' * (PIECE_BYTES // 9)


async def is_one_huge_text() -> AsyncIterator[bytes]:
    yield HEAD + b"Content-Length: 3000000008\r\n\r\n" + b'{"a": "'
    while True:
        yield b"x" * PIECE_BYTES


async def is_huge_without_a_length() -> AsyncIterator[bytes]:
    yield UNTIL_CLOSED + b'{"a": "'
    while True:
        yield b"x" * PIECE_BYTES


async def is_deep() -> AsyncIterator[bytes]:
    yield UNTIL_CLOSED + b'{"a":' * 100_000


async def is_deep_and_whole() -> AsyncIterator[bytes]:
    yield UNTIL_CLOSED + b'{"system":' * 400 + b"{}" + b"}" * 400


async def is_a_bomb() -> AsyncIterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    yield HEAD + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + packer.compress(b'{"a": "')
    for _ in range(10_000):
        yield packer.compress(b"x" * PIECE_BYTES)
    yield packer.flush()


async def is_garbage() -> AsyncIterator[bytes]:
    yield bytes(range(256)) * 10


async def redirects() -> AsyncIterator[bytes]:
    yield b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"


class Hostile:
    """Answers every request in one way; counts what was taken of it."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.sent_bytes = 0
        self.asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                self.asked.set()
                async for piece in self.answer():
                    writer.write(piece)
                    await writer.drain()
                    self.sent_bytes += len(piece)
        finally:
            writer.close()
