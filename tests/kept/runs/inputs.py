"""Files that are sent to a server, always the same ones."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the program of a host imports this too, and would load the whole server
    from tests.doubles.programs import Server

SIDE = 64


def sent(server: Server, content: bytes) -> str:
    """Send a file and return the id by which a request names it."""
    status, told = server.call("POST", "/api/uploads", content)
    assert status in (200, 201), told
    return str(told["id"])


def picture() -> bytes:
    """Return a PNG with a slope from black to red."""
    rows = b"".join(b"\0" + bytes(v for x in range(SIDE) for v in (x * 4, y * 2, 0)) for y in range(SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
