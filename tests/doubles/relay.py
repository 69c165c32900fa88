"""A TCP relay in front of a backend: it can drop connections, let them go deaf, and cut what comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

BLOCK_BYTES = 65_536


@dataclass(eq=False)
class Line:
    """One connection of a client, and the one to the backend that belongs to it."""

    client: asyncio.StreamWriter
    backend: asyncio.StreamWriter
    is_socket: bool = False
    asked: bytes = b""
    sent_bytes: int = 0


@dataclass(eq=False)
class Relay:
    """Passes everything on, both ways, unless a switch says otherwise.

    Attributes:
        deaf: nothing that the backend says on an event socket comes through; the connection stays open.
        away: new connections are cut at once, as where nothing listens.
        holds: new connections are taken, and nothing that is sent on them is passed on or answered.
        cuts: answers to requests whose first line has this text end after `cut_after_bytes`, `cut_times` times.
    """

    url: str
    deaf: bool = False
    away: bool = False
    holds: bool = False
    cuts: bytes = b""
    cut_after_bytes: int = 0
    cut_times: int = 0
    lines: set[Line] = field(default_factory=set)
    opened_sockets: int = 0

    async def __aenter__(self) -> Self:
        where = urlsplit(self.url)
        self._to = (where.hostname or "", where.port or 0)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sockets(self) -> list[Line]:
        """The event sockets that are open."""
        return [line for line in self.lines if line.is_socket]

    def drop(self, *, only_sockets: bool = False) -> None:
        """Break connections without a word."""
        for line in list(self.lines):
            if line.is_socket or not only_sockets:
                line.client.transport.abort()
                line.backend.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.away:
            writer.transport.abort()
            return
        if self.holds:
            while await reader.read(BLOCK_BYTES):
                pass
            writer.close()
            return
        try:
            from_backend, to_backend = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        line = Line(writer, to_backend)
        self.lines.add(line)
        try:
            await asyncio.gather(self._ask(line, reader), self._answer(line, from_backend))
        except OSError:
            pass  # one of the two is gone, so the line is
        finally:
            self.lines.discard(line)
            for end in (writer, to_backend):
                end.transport.abort()

    async def _ask(self, line: Line, reader: asyncio.StreamReader) -> None:
        while block := await reader.read(BLOCK_BYTES):
            if not line.is_socket:
                line.asked, line.sent_bytes = block[:200], 0
                if b"upgrade: websocket" in block.lower():
                    line.is_socket = True
                    self.opened_sockets += 1
            line.backend.write(block)
            await line.backend.drain()
        raise ConnectionResetError

    async def _answer(self, line: Line, reader: asyncio.StreamReader) -> None:
        while block := await reader.read(BLOCK_BYTES):
            if line.is_socket and self.deaf:
                continue
            if self.cut_times and self.cuts and self.cuts in line.asked.split(b"\r\n", 1)[0]:
                block = block[: self.cut_after_bytes - line.sent_bytes]
                line.client.write(block)
                await line.client.drain()
                line.sent_bytes += len(block)
                if line.sent_bytes < self.cut_after_bytes:
                    continue
                self.cut_times -= 1
                raise ConnectionResetError
            line.client.write(block)
            line.sent_bytes += len(block)
            await line.client.drain()
        raise ConnectionResetError
