"""The open websockets of a host, by client id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable, Mapping

from aiohttp import WSMsgType, web

from schemas.json_values import Json, read_object

MOST_UNSENT = 10_000

# Messages as text; None ends the connection.
Outgoing = asyncio.Queue[str | None]


class Sockets:
    """Messages leave in the order in which they were sent, each socket at its own pace."""

    def __init__(self) -> None:
        self._queues: dict[str, Outgoing] = {}
        self._open: set[web.WebSocketResponse] = set()

    def send(self, event: str, data: Mapping[str, object], client_id: str | None = None) -> None:
        """Send a message to one client, or to all without `client_id`."""
        queues = list(self._queues.values()) if client_id is None else [self._queues.get(client_id)]
        text = json.dumps({"type": event, "data": data})
        for queue in queues:
            if queue is not None:
                # A client that reads nothing for so long is disconnected: the end mark closes its socket.
                queue.put_nowait(text if queue.qsize() < MOST_UNSENT else None)

    async def serve(
        self, request: web.Request, greet: Callable[[str], None], flags: Mapping[str, object]
    ) -> web.WebSocketResponse:
        """Hold one socket open. ``greet(client_id)`` sends the first messages.

        A second socket with the same client id takes over; the older one gets nothing more.
        """
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        queue: Outgoing = asyncio.Queue()
        self._queues.pop(client_id, None)
        self._queues[client_id] = queue
        self._open.add(socket)
        writer = asyncio.create_task(_write(socket, queue))
        try:
            greet(client_id)
            await self._listen(socket, queue, flags)
        finally:
            self._open.discard(socket)
            self.remove(client_id, queue)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return socket

    def remove(self, client_id: str, queue: Outgoing) -> None:
        """Remove the queue of a closed socket, unless another socket took over its client id."""
        if self._queues.get(client_id) is queue:
            del self._queues[client_id]

    async def _listen(self, socket: web.WebSocketResponse, queue: Outgoing, flags: Mapping[str, object]) -> None:
        first = True
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            with contextlib.suppress(ValueError):  # a client may send anything
                message_data: Json = json.loads(message.data)
                if first and read_object(message_data).get("type") == "feature_flags":
                    queue.put_nowait(json.dumps({"type": "feature_flags", "data": flags}))
            first = False

    async def close(self) -> None:
        for socket in list(self._open):
            await socket.close(code=1001, message=b"the host stops")


async def _write(socket: web.WebSocketResponse, queue: Outgoing) -> None:
    while (text := await queue.get()) is not None:
        try:
            await socket.send_str(text)
        except ConnectionError:
            return  # the reader side notices and cleans up
    await socket.close(code=1013, message=b"too slow")
