"""Length-prefixed JSON messages between a host and its worker process."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

LENGTH = struct.Struct(">I")

Message = dict[str, Any]


def pack(message: Message) -> bytes:
    """One frame."""
    body = json.dumps(message).encode()
    return LENGTH.pack(len(body)) + body


async def read(stream: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side is gone."""
    try:
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        body = await stream.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    message: Message = json.loads(body)
    return message


def read_blocking(stream: BinaryIO) -> Message | None:
    """Like ``read``, for the worker's thread."""
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
    message: Message = json.loads(body)
    return message
