"""ComfyUI's HTTP interface, by base URL: the same client reaches ComfyUI, the embedded backend and every agent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, NotRequired, TypedDict, TypeVar, cast
from urllib.parse import quote

import aiohttp

from devserver.comfy.connection import ANSWER_BYTES, ANSWER_SECONDS, Connection
from devserver.comfy.errors import (
    BackendError,
    NotServing,
    OutputMissing,
    Unreachable,
    is_refusal,
    parse_refusal,
    unexpected_answer,
)
from devserver.comfy.files import RemoteFile
from devserver.errors.sentences import Said, say
from devserver.http.addresses import redact
from devserver.http.answers import MIB, refuse_compressed
from schemas.graph import Graph
from schemas.json_values import Json, JsonObject, read_list

# The route of a backend's file; the last is SwarmUI's own, used if its ComfyUI does not deliver the file.
Route = Literal["shared_folder", "view", "swarm_view"]

# Built from disk by the backend: large model folders on network drives are slow.
OBJECT_INFO_SECONDS = 120.0
# For answers with graphs or every node: thousands of nodes with thousands of models are 20 MB, as is a long queue.
LONG_ANSWER_BYTES = 64 * MIB
SLOWEST_UPLOAD_BYTES_PER_S = 64 * 1024
DOWNLOAD_CHUNK_BYTES = 1 << 20
PAGE_BYTES = 20_000

T = TypeVar("T")


class PromptRequest(TypedDict):
    """The body of POST /prompt."""

    prompt: Graph
    prompt_id: str
    client_id: str
    extra_data: NotRequired[dict[str, object]]


@dataclass(frozen=True)
class SystemStats:
    """A backend's own report: the versions of its programs, and its devices with their memory in bytes."""

    versions: Mapping[str, Json] = field(default_factory=dict)
    devices: tuple[JsonObject, ...] = ()


@dataclass(frozen=True)
class Queue:
    """The prompt ids that a backend runs now, and those that wait, in the order in which they will run."""

    running: tuple[str, ...]
    pending: tuple[str, ...]

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


class Client(Connection):
    """One backend over HTTP.

    Args:
        base_url: where the protocol begins; may have a path (`http://127.0.0.1:7801/ComfyBackendDirect`).
        headers: sent with every request and with the websocket's handshake.

    Every method raises `Unreachable` without an answer, and `BackendError` for an answer that makes no sense.
    """

    @property
    def websocket_url(self) -> str:
        """Return the address of the event socket, without the client id."""
        return "ws" + self.base_url.removeprefix("http") + "/ws"

    async def object_info(self) -> JsonObject:
        """Return every node class of the backend, as it describes them."""
        answer = await self._json("GET", "/object_info", seconds=OBJECT_INFO_SECONDS, limit_bytes=LONG_ANSWER_BYTES)
        return _as_object(answer, "/object_info")

    async def system_stats(self) -> SystemStats:
        answer = _as_object(await self._json("GET", "/system_stats"), "/system_stats")
        system = answer.get("system")
        if not isinstance(system, dict):
            raise unexpected_answer("GET", self.base_url + "/system_stats", 200, answer)
        versions = {name: value for name, value in system.items() if name.endswith("version")}
        return SystemStats(versions, tuple(each for each in read_list(answer.get("devices")) if isinstance(each, dict)))

    async def submit(
        self, graph: Graph, prompt_id: str, client_id: str, extra_data: Mapping[str, object] | None = None
    ) -> None:
        """Put a graph into the backend's queue under an id of ours.

        The id must be fresh: a backend takes a second prompt with the same id and mixes the two up. `number` is never
        sent, since equal numbers stop ComfyUI's worker for good.

        Raises:
            Refused: the graph, or a branch of it, was refused (an accepted part has been removed again).
            Unreachable: no answer, and the prompt has not arrived.
        """
        body: PromptRequest = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        try:
            status, answer = await self._complete(self.exchange("POST", "/prompt", json_body=body))
            if is_refusal(answer, status):
                raise parse_refusal(answer, status)
            if (
                status != 200
                or not isinstance(answer, dict)
                or not isinstance(stored_id := answer.get("prompt_id"), str)
            ):
                raise unexpected_answer("POST", self.base_url + "/prompt", status, answer)
        except Unreachable as error:
            # A gateway that lost the answer, or did not wait for it, may have passed the prompt on.
            arrived = await self._has_arrived(prompt_id)
            if arrived:
                return
            if arrived is None or isinstance(error, NotServing):
                raise
            raise NotServing(say("prompt_not_taken", problem=error.said)) from error  # queue and history do answer
        if answer.get("node_errors"):
            # ComfyUI would run the rest of the graph, but half a result is useless.
            await self._withdraw(prompt_id)
            raise parse_refusal(answer, status)
        if stored_id != prompt_id:
            await self._withdraw(stored_id)
            problem = f"gives prompts ids of its own ({stored_id}): this ComfyUI is too old"
            raise BackendError(f"{self.base_url} {problem}")

    async def history(self, prompt_id: str) -> JsonObject | None:
        """Return the entry of a prompt that has ended, successfully or not, or None."""
        path = f"/history/{quote(prompt_id, safe='')}"
        entries = _as_object(await self._json("GET", path, limit_bytes=LONG_ANSWER_BYTES), "/history")
        if not entries:
            return None
        entry = entries.get(prompt_id)
        if not isinstance(entry, dict):  # another program's answer, which says nothing about the prompt
            raise unexpected_answer("GET", self.base_url + path, 200, entries)
        return entry

    async def queue(self) -> Queue:
        answer = _as_object(await self._json("GET", "/queue", limit_bytes=LONG_ANSWER_BYTES), "/queue")
        try:
            return Queue(_prompt_ids(answer["queue_running"]), _prompt_ids(answer["queue_pending"]))
        except (KeyError, ValueError) as e:
            raise unexpected_answer("GET", self.base_url + "/queue", 200, answer) from e

    async def delete(self, prompt_id: str) -> None:
        """Take a waiting prompt out of the queue; an unknown id is not an error."""
        await self._command("/queue", {"delete": [prompt_id]})

    async def interrupt(self, prompt_id: str) -> None:
        """Stop this prompt if it runs; another one is left alone."""
        await self._command("/interrupt", {"prompt_id": prompt_id})

    async def free(self) -> None:
        """Unload models and give back memory."""
        await self._command("/free", {"unload_models": True, "free_memory": True})

    async def upload(self, path: Path, name: str, subfolder: str = "") -> str:
        """Put a local file into the backend's input folder; returns the name by which a loader node finds it."""
        size = (await asyncio.to_thread(path.stat)).st_size
        seconds = ANSWER_SECONDS + size / SLOWEST_UPLOAD_BYTES_PER_S
        with await asyncio.to_thread(path.open, "rb") as content:
            form = aiohttp.FormData()
            form.add_field("image", content, filename=name, content_type="application/octet-stream")
            form.add_field("type", "input")
            form.add_field("subfolder", subfolder)
            answer = _as_object(await self._json("POST", "/upload/image", form=form, seconds=seconds), "/upload/image")
        stored, folder = answer.get("name"), str(answer.get("subfolder", subfolder))
        if not isinstance(stored, str):
            raise unexpected_answer("POST", self.base_url + "/upload/image", 200, answer)
        return f"{folder}/{stored}" if folder else stored

    async def size(self, file: RemoteFile) -> int | None:
        """Return the length in bytes of an output, or None if the backend does not report it.

        Raises:
            OutputMissing: the backend has no such file.
        """
        async with self.request("HEAD", "/view", params=file.query()) as response:
            if response.status == 404 and not _is_page(response, file):
                raise OutputMissing(say("backend_lacks_file", address=self.base_url, file=file.path), 404)
            return response.content_length if response.status == 200 and not _is_page(response, file) else None

    async def fetch(self, file: RemoteFile, target: Path) -> Route:
        """Download an output into `target`, replacing it; there is no limit on time or size.

        Returns:
            The route on which it came.

        Raises:
            OutputMissing: the backend has no such file.
            Unreachable: the connection broke before the end.
        """
        async with self.request("GET", "/view", params=file.query()) as response:
            if response.status == 404 and not _is_page(response, file):
                raise OutputMissing(say("backend_lacks_file", address=self.base_url, file=file.path), 404)
            if response.status != 200 or _is_page(response, file):
                page = redact(await response.content.read(PAGE_BYTES), self.secrets)
                raise unexpected_answer("GET", str(response.url), response.status, page.decode(errors="replace"))
            received = await stream(response, target)
            expected = response.content_length
        if expected is not None and received != expected:
            raise Unreachable(cut_off(self.base_url, file, received, expected))
        return "view"

    async def _complete(self, exchange: Coroutine[None, None, T]) -> T:
        """Complete a request even if the caller is cancelled, so that the prompt can be found and stopped."""
        request = asyncio.create_task(exchange)
        try:
            return await asyncio.shield(request)
        except asyncio.CancelledError:
            await asyncio.gather(request, return_exceptions=True)
            raise

    async def _withdraw(self, prompt_id: str) -> None:
        await self.delete(prompt_id)
        await self.interrupt(prompt_id)

    async def _has_arrived(self, prompt_id: str) -> bool | None:
        """Tell whether the backend knows a prompt whose answer was lost; None if it does not answer."""
        try:
            return prompt_id in await self.queue() or await self.history(prompt_id) is not None
        except Unreachable:
            return None

    async def _command(self, path: str, body: Mapping[str, object]) -> None:
        status, answer = await self.exchange("POST", path, json_body=body)
        if status >= 300:
            raise unexpected_answer("POST", self.base_url + path, status, answer)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        form: aiohttp.FormData | None = None,
        seconds: float = ANSWER_SECONDS,
        limit_bytes: int = ANSWER_BYTES,
    ) -> Json:
        status, answer = await self.exchange(method, path, form=form, seconds=seconds, limit_bytes=limit_bytes)
        if status != 200 or isinstance(answer, str):
            raise unexpected_answer(method, self.base_url + path, status, answer)
        return answer


async def stream(response: aiohttp.ClientResponse, target: Path, mode: str = "wb") -> int:
    """Write a body into a file as it arrives, a short one in one piece; return the number of bytes."""
    refuse_compressed(response)
    if response.content_length is not None and response.content_length <= DOWNLOAD_CHUNK_BYTES:
        return await asyncio.to_thread(_write_file, target, mode, await response.read())
    received = 0
    with await asyncio.to_thread(_open, target, mode) as out:
        async for chunk in response.content.iter_chunked(DOWNLOAD_CHUNK_BYTES):
            await asyncio.to_thread(out.write, chunk)
            received += len(chunk)
    return received


def _open(target: Path, mode: str) -> IO[bytes]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return cast(IO[bytes], target.open(mode))


def _write_file(target: Path, mode: str, content: bytes) -> int:
    with _open(target, mode) as out:
        return out.write(content)


def cut_off(address: str, file: RemoteFile, received: int, expected: int) -> Said:
    """Return the sentence about a file that did not come to its end."""
    return say("backend_cut_off", address=address, file=file.path, received=received, expected=expected)


def _is_page(response: aiohttp.ClientResponse, file: RemoteFile) -> bool:
    """Tell whether the answer is a gateway's page instead of a file."""
    return response.content_type == "text/html" and not file.filename.lower().endswith((".html", ".htm"))


def _as_object(answer: Json, path: str) -> JsonObject:
    if not isinstance(answer, dict):
        raise NotServing(
            f"{path} answered with a {type(answer).__name__} instead of an object: this is not ComfyUI", 200
        )
    if isinstance(answer.get("error"), str):
        # SwarmUI sends some errors with the status of a success.
        raise NotServing(f"{path} answered with an error: {answer['error']}", 200)
    return answer


def _prompt_ids(entries: Json) -> tuple[str, ...]:
    """Return the ids of queue entries `[number, prompt_id, ...]`; a backend lists its heap, so they are sorted here.

    Raises:
        ValueError: they are not entries of a queue.
    """
    if not isinstance(entries, list):
        raise ValueError("a queue is a list")  # noqa: TRY004 - the caller treats both faults alike
    numbered: list[tuple[float, str]] = []
    for entry in entries:
        match entry:
            case [int() | float() | str() as number, prompt_id, *_]:
                numbered.append((float(number), str(prompt_id)))
            case [_, _, *_]:
                raise ValueError("an entry of a queue begins with its number")
    return tuple(prompt_id for _, prompt_id in sorted(numbered, key=lambda entry: entry[0]))
