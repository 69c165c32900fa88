"""Length-prefixed JSON messages between a host and its worker process."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import BinaryIO, Literal, TypedDict

from schemas.graph import Graph
from schemas.json_values import JsonObject

LENGTH = struct.Struct(">I")


class RunRequest(TypedDict):
    """The host asks for a prompt to be run."""

    do: Literal["run"]
    prompt_id: str
    graph: Graph
    extra_data: JsonObject
    outputs: list[str]


class CancelRequest(TypedDict):
    """The host asks for a prompt to be stopped."""

    do: Literal["cancel"]
    prompt_id: str


class WorkerEvent(TypedDict):
    """The worker reports an event; `done` is the end of a prompt."""

    event: str
    data: JsonObject


def pack(message: Mapping[str, object]) -> bytes:
    """Return a message as one frame."""
    body = json.dumps(message).encode()
    return LENGTH.pack(len(body)) + body


async def read_event(stream: asyncio.StreamReader) -> WorkerEvent | None:
    """Return the worker's next message; None when it is gone."""
    try:
        (length,) = LENGTH.unpack(await stream.readexactly(LENGTH.size))
        body = await stream.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    event: WorkerEvent = json.loads(body)
    return event


def read_request(stream: BinaryIO) -> RunRequest | CancelRequest | None:
    """Return the host's next message; None when it is gone. Blocks; for the worker's thread."""
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(header)
    body = stream.read(length)
    if len(body) < length:
        return None
    request: RunRequest | CancelRequest = json.loads(body)
    return request
