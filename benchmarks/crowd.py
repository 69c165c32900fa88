"""`python -m benchmarks.crowd URL COUNT`: listeners of the server's events, in a process of their own.

Prints a line when all of them listen. Each further line on stdin is answered with what was heard since the last:
`{"heard": ..., "p50_s": ..., "p99_s": ...}`: how many events, and the seconds from publication to arrival here.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from functools import partial
from urllib.parse import urlsplit

from benchmarks.numbers import p50, p99
from benchmarks.ticking import KIND

MARK = f"event: {KIND}\ndata: ".encode()
SAMPLED = 0.1  # of the arrivals: reading the time out of every one would cost more than the server is to be measured at


class Listener(asyncio.Protocol):
    """One open stream; it keeps nothing of it but the seconds."""

    def __init__(self, host: str, heard: list[float], listening: asyncio.Future[None]) -> None:
        self._host, self._heard, self._listening = host, heard, listening
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(f"GET /api/events HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if not self._listening.done():
            self._listening.set_result(None)
        self._rest += data
        *events, self._rest = self._rest.split(b"\n\n")
        for event in events:
            if MARK in event:
                sampled = random.random() < SAMPLED
                self._heard.append(now - json.loads(event.partition(MARK)[2])["data"]["at"] if sampled else 0.0)


async def listen(url: str, count: int) -> None:
    parts, heard = urlsplit(url), list[float]()
    host, port = parts.hostname or "", parts.port or 80
    loop = asyncio.get_running_loop()
    listening = [loop.create_future() for _ in range(count)]
    for begun in listening:
        await loop.create_connection(partial(Listener, parts.netloc, heard, begun), host, port)
    await asyncio.gather(*listening)
    print("listening", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        taken, heard[:] = list(heard), []
        seconds = [value for value in taken if value] or [0.0, 0.0]
        print(json.dumps({"heard": len(taken), "p50_s": p50(seconds), "p99_s": p99(seconds)}), flush=True)


if __name__ == "__main__":
    asyncio.run(listen(sys.argv[1], int(sys.argv[2])))
