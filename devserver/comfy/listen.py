"""Keep the event socket of a backend open: one per backend, with our own client id, reconnected when it drops."""

from __future__ import annotations

import asyncio
import json
import logging
import struct
from collections.abc import Callable
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from devserver.comfy.client import Client
from devserver.comfy.messages import Message, PreviewSeen, QueueStatus, read_message, read_preview
from devserver.http.answers import BrokenAnswer, parse, parse_off_loop
from schemas.json_values import Json

# An `executed` message carries whatever a node returns to the page; 5 MB were seen, the library's limit is 1 MB.
FRAME_LIMIT_BYTES = 64 * 1024 * 1024
OPEN_SECONDS = 10.0
GREETING_SECONDS = 10.0
GREETING_CHARACTERS = 4096
CLOSE_SECONDS = 2.0
PING_SECONDS = 30.0
# A backend that loads a model answers no pings; disconnecting would lose its remaining events.
PONG_SECONDS = 180.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

PREVIEW = 1
PREVIEW_WITH_METADATA = 4
IMAGE_MIMES = {1: "image/jpeg", 2: "image/png"}

log = logging.getLogger(__name__)


class Listener:
    """Receives a backend's events as long as it is open.

    Args:
        client: its base URL and headers are used.
        client_id: the events of prompts submitted with it arrive here; a second socket with the same id would silence
            the first, so it must be unique to this process.
        on_message: called with each message.
        on_connect: called each time a connection is established; earlier events are not repeated.

    A connection is established once its first message names our client id (`sid`): a gateway accepts a socket before it
    has one to the backend, and the events of a prompt sent meanwhile would be lost.
    """

    def __init__(
        self,
        client: Client,
        client_id: str,
        on_message: Callable[[Message], None],
        on_connect: Callable[[], None],
    ) -> None:
        self._client = client
        self._client_id = client_id
        self._url = f"{client.websocket_url}?clientId={quote(client_id, safe='')}"
        self._on_message = on_message
        self._on_connect = on_connect
        self._socket: ClientConnection | None = None
        self._warned = False
        self._settled = asyncio.Event()  # set while no connection attempt is in progress
        self._nudge = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def start(self) -> None:
        """Start listening; return when the first attempt has succeeded or failed."""
        if self._task is None:
            self._task = asyncio.create_task(self._keep_open())
        await self._settled.wait()

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            leaving = [self._leaving] if self._leaving is not None else []
            await asyncio.gather(task, *leaving, return_exceptions=True)
            self._settled.clear()

    async def connect_now(self, limit_seconds: float) -> bool:
        """Try to connect now if there is no connection; return whether there is one after at most `limit_seconds`."""
        if not self.connected and self._task is not None:
            self._settled.clear()
            self._nudge.set()
            try:
                async with asyncio.timeout(limit_seconds):
                    await self._settled.wait()
            except TimeoutError:
                return False
        return self.connected

    def reconnect(self) -> None:
        """Connect again, since this connection receives nothing; do not wait for its closing handshake."""
        if self._socket is not None and (self._leaving is None or self._leaving.done()):
            log.info("%s: the event socket receives nothing, connecting again", self._client.base_url)
            self._nudge.set()
            self._leaving = asyncio.create_task(self._socket.close())

    async def answers_ping(self, limit_seconds: float) -> bool:
        """Tell whether the backend answers a ping in time; it may do so and still send no events."""
        if self._socket is None:
            return False
        try:
            async with asyncio.timeout(limit_seconds):
                await (await self._socket.ping())
        except (OSError, TimeoutError, WebSocketException):
            return False
        return True

    async def _keep_open(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            self._nudge.clear()
            try:
                await self._listen()
                pause = FIRST_PAUSE_SECONDS
            except (OSError, TimeoutError, WebSocketException) as error:
                log.debug("%s: no event socket: %r", self._client.base_url, error)
                pause = FIRST_PAUSE_SECONDS if self._socket else min(pause * 2, LONGEST_PAUSE_SECONDS)
            finally:
                self._socket = None
            self._settled.set()
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the result.
                async with asyncio.timeout(pause):
                    await self._nudge.wait()
            except TimeoutError:
                continue

    async def _listen(self) -> None:
        async with connect(
            self._url,
            additional_headers=self._client.headers,
            max_size=FRAME_LIMIT_BYTES,
            compression=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            proxy=None,  # like the HTTP client: backends are addressed directly
        ) as socket:
            self._warned = False
            # This first frame makes the backend send previews with the id of their prompt.
            await socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
            async with asyncio.timeout(GREETING_SECONDS):
                while not self._is_greeting(frame := await socket.recv()):
                    await self._handle(frame)
            await self._handle(frame)  # the greeting is also the first report of the queue
            self._socket = socket
            self._settled.set()
            self._on_connect()
            async for frame in socket:
                await self._handle(frame)

    def _is_greeting(self, frame: str | bytes) -> bool:
        """Tell whether this message confirms our client id."""
        if not isinstance(frame, str) or len(frame) > GREETING_CHARACTERS or self._client_id not in frame:
            return False
        try:
            message = _parse_message(parse(frame))
        except BrokenAnswer:
            return False
        return isinstance(message, QueueStatus) and message.client_id == self._client_id

    async def _handle(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            await self._handle_text(frame)
        else:
            await self._handle_binary(frame)

    def _warn_once(self, problem: str) -> None:
        """Log unreadable messages once per connection, so that a flood of them does not fill the log."""
        if not self._warned:
            log.warning("%s: %s; such messages are ignored", self._client.base_url, problem)
        self._warned = True

    async def _handle_text(self, frame: str) -> None:
        try:
            message = _parse_message(await parse_off_loop(frame))
        except BrokenAnswer:
            self._warn_once(f"a text frame that cannot be read: {frame[:80]!r}")
            return
        if message is not None:
            self._on_message(message)

    async def _handle_binary(self, frame: bytes) -> None:
        if len(frame) < 8:
            return
        kind, word = struct.unpack(">II", frame[:8])
        if kind == PREVIEW:
            # SwarmUI's nodes send whole results this way (films as well); only pictures are previews.
            if word in IMAGE_MIMES:
                self._on_message(PreviewSeen("", None, IMAGE_MIMES[word], frame[8:]))
        elif kind == PREVIEW_WITH_METADATA:
            try:
                metadata = await parse_off_loop(frame[8 : 8 + word])
            except BrokenAnswer:
                self._warn_once("a preview whose metadata cannot be read")
                return
            if isinstance(metadata, dict):
                self._on_message(read_preview(metadata, frame[8 + word :]))


def _parse_message(frame: Json) -> Message | None:
    if isinstance(frame, dict) and isinstance(data := frame.get("data"), dict):
        return read_message(str(frame.get("type")), data)
    return None
