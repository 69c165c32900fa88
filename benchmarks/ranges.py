"""`python -m benchmarks.ranges URL SECONDS`: reads ranges of a file as fast as it gets them; prints how many a second.

Plain sockets on threads: a client that needs more processor than the server would be what is measured.
"""

from __future__ import annotations

import random
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

CONNECTIONS = 8
RANGE_BYTES = 64 * 1024
FILE_BYTES = 10_000_000


def read(url: str, until: float) -> int:
    parts, done = urlsplit(url), 0
    place = memoryview(bytearray(RANGE_BYTES + 4096))
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        while time.monotonic() < until:
            first = random.randrange(FILE_BYTES - RANGE_BYTES)
            wanted = f"Range: bytes={first}-{first + RANGE_BYTES - 1}\r\n"
            connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n{wanted}\r\n".encode())
            got, whole = 0, RANGE_BYTES
            while got < whole:
                got += connection.recv_into(place[got:])
                if whole == RANGE_BYTES and (end := bytes(place[: min(got, 4096)]).find(b"\r\n\r\n")) > 0:
                    assert bytes(place[:12]) == b"HTTP/1.1 206", bytes(place[:end])
                    whole = end + 4 + RANGE_BYTES
            done += 1
    return done


def main() -> None:
    url, seconds = sys.argv[1], float(sys.argv[2])
    begin = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        done = sum(threads.map(lambda _: read(url, begin + seconds), range(CONNECTIONS)))
    print(done / (time.monotonic() - begin))


if __name__ == "__main__":
    main()
