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
from devserver.comfy.errors import BackendError, NotServing, OutputMissing, Unreachable, is_refusal, misfit, refusal
from devserver.comfy.files import RemoteFile
from devserver.http.addresses import without_secrets
from devserver.http.answers import MIB, refuse_packed
from schemas.graph import Graph
from schemas.json_values import Json, JsonObject, read_list

# How a backend's file came here; the last is SwarmUI's own, where its ComfyUI did not give it.
Way = Literal["shared_folder", "view", "swarm_view"]

# Built from disk by the backend: large model folders on network drives are slow.
OBJECT_INFO_SECONDS = 120.0
# What has whole graphs or every node in it: thousands of nodes with thousands of models are 20 MB, as is a long queue.
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
    """What a backend tells of itself: the versions of its programs, and its devices with their memory in bytes."""

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

    Every method raises `Unreachable` where no answer comes and `BackendError` where the answer makes no sense.
    """

    @property
    def websocket_url(self) -> str:
        """The address of the event socket, without the client id."""
        return "ws" + self.base_url.removeprefix("http") + "/ws"

    async def object_info(self) -> JsonObject:
        """Every node class that the backend has, as it describes them itself."""
        answer = await self._json("GET", "/object_info", seconds=OBJECT_INFO_SECONDS, limit_bytes=LONG_ANSWER_BYTES)
        return _object(answer, "/object_info")

    async def system_stats(self) -> SystemStats:
        answer = _object(await self._json("GET", "/system_stats"), "/system_stats")
        system = answer.get("system")
        if not isinstance(system, dict):
            raise misfit("GET", self.base_url + "/system_stats", 200, answer)
        versions = {name: value for name, value in system.items() if name.endswith("version")}
        return SystemStats(versions, tuple(each for each in read_list(answer.get("devices")) if isinstance(each, dict)))

    async def submit(
        self, graph: Graph, prompt_id: str, client_id: str, extra_data: Mapping[str, object] | None = None
    ) -> None:
        """Put a graph into the backend's queue under an id of ours.

        The id must be fresh: a backend takes a second prompt with the same id and mixes the two up. `number` is never
        sent, since equal numbers stop ComfyUI's worker for good.

        Raises:
            Refused: the graph, or a branch of it, was not taken (what was taken of it has been removed again).
            Unreachable: no answer, and the prompt has not arrived.
        """
        body: PromptRequest = {"prompt": graph, "prompt_id": prompt_id, "client_id": client_id}
        if extra_data:
            body["extra_data"] = dict(extra_data)
        try:
            status, answer = await self._to_its_end(self.exchange("POST", "/prompt", json_body=body))
            if is_refusal(answer, status):
                raise refusal(answer, status)
            if status != 200 or not isinstance(answer, dict) or not isinstance(given := answer.get("prompt_id"), str):
                raise misfit("POST", self.base_url + "/prompt", status, answer)
        except Unreachable as error:
            # A gateway that lost the answer, or did not wait for it, may have passed the prompt on.
            arrived = await self._arrived(prompt_id)
            if arrived:
                return
            if arrived is None or isinstance(error, NotServing):
                raise
            raise NotServing(f"the prompt was not taken: {error}") from error  # what is asked beside it is answered
        if answer.get("node_errors"):
            # ComfyUI runs what is left of a graph; half a result is none.
            await self._withdraw(prompt_id)
            raise refusal(answer, status)
        if given != prompt_id:
            await self._withdraw(given)
            told = f"gives prompts ids of its own ({given}): this ComfyUI is too old"
            raise BackendError(f"{self.base_url} {told}")

    async def history(self, prompt_id: str) -> JsonObject | None:
        """The entry of a prompt that has ended (well or badly), or None."""
        path = f"/history/{quote(prompt_id, safe='')}"
        entries = _object(await self._json("GET", path, limit_bytes=LONG_ANSWER_BYTES), "/history")
        if not entries:
            return None
        entry = entries.get(prompt_id)
        if not isinstance(entry, dict):  # of another program: nothing is said of the prompt
            raise misfit("GET", self.base_url + path, 200, entries)
        return entry

    async def queue(self) -> Queue:
        answer = _object(await self._json("GET", "/queue", limit_bytes=LONG_ANSWER_BYTES), "/queue")
        try:
            return Queue(_prompt_ids(answer["queue_running"]), _prompt_ids(answer["queue_pending"]))
        except (KeyError, ValueError) as e:
            raise misfit("GET", self.base_url + "/queue", 200, answer) from e

    async def delete(self, prompt_id: str) -> None:
        """Take a waiting prompt out of the queue; an id that does not wait is no error."""
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
            answer = _object(await self._json("POST", "/upload/image", form=form, seconds=seconds), "/upload/image")
        stored, folder = answer.get("name"), str(answer.get("subfolder", subfolder))
        if not isinstance(stored, str):
            raise misfit("POST", self.base_url + "/upload/image", 200, answer)
        return f"{folder}/{stored}" if folder else stored

    async def size(self, file: RemoteFile) -> int | None:
        """The length in bytes of an output, or None where the backend does not tell.

        Raises:
            OutputMissing: the backend has no such file.
        """
        async with self.request("HEAD", "/view", params=file.query()) as response:
            if response.status == 404 and not _is_page(response, file):
                raise OutputMissing(f"{self.base_url} names {file.path!r} as a result, but has no such file", 404)
            return response.content_length if response.status == 200 and not _is_page(response, file) else None

    async def fetch(self, file: RemoteFile, target: Path) -> Way:
        """Download an output into `target`, replacing what is there; no limit on its whole time or size.

        Returns:
            The way on which it came.

        Raises:
            OutputMissing: the backend has no such file.
            Unreachable: the connection broke before the end.
        """
        async with self.request("GET", "/view", params=file.query()) as response:
            if response.status == 404 and not _is_page(response, file):
                raise OutputMissing(f"{self.base_url} names {file.path!r} as a result, but has no such file", 404)
            if response.status != 200 or _is_page(response, file):
                told = without_secrets(await response.content.read(PAGE_BYTES), self.secrets)
                raise misfit("GET", str(response.url), response.status, told.decode(errors="replace"))
            received = await stream(response, target)
            expected = response.content_length
        if expected is not None and received != expected:
            raise Unreachable(f"{self.base_url} sent {received} of {expected} bytes of {file.path!r}")
        return "view"

    async def _to_its_end(self, exchange: Coroutine[None, None, T]) -> T:
        """Finish a request even where the caller is cancelled, who then finds in the queue what there is to stop."""
        asking = asyncio.create_task(exchange)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            await asyncio.gather(asking, return_exceptions=True)
            raise

    async def _withdraw(self, prompt_id: str) -> None:
        await self.delete(prompt_id)
        await self.interrupt(prompt_id)

    async def _arrived(self, prompt_id: str) -> bool | None:
        """Whether a prompt whose answer was lost is known to the backend after all; None where it does not say."""
        try:
            return prompt_id in await self.queue() or await self.history(prompt_id) is not None
        except Unreachable:
            return None

    async def _command(self, path: str, body: Mapping[str, object]) -> None:
        status, answer = await self.exchange("POST", path, json_body=body)
        if status >= 300:
            raise misfit("POST", self.base_url + path, status, answer)

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
            raise misfit(method, self.base_url + path, status, answer)
        return answer


async def stream(response: aiohttp.ClientResponse, target: Path, mode: str = "wb") -> int:
    """Write a body into a file as it comes, a short one in one piece; returns how many bytes came."""
    refuse_packed(response)
    if response.content_length is not None and response.content_length <= DOWNLOAD_CHUNK_BYTES:
        return await asyncio.to_thread(_put, target, mode, await response.read())
    received = 0
    with await asyncio.to_thread(_open, target, mode) as out:
        async for chunk in response.content.iter_chunked(DOWNLOAD_CHUNK_BYTES):
            await asyncio.to_thread(out.write, chunk)
            received += len(chunk)
    return received


def _open(target: Path, mode: str) -> IO[bytes]:
    target.parent.mkdir(parents=True, exist_ok=True)
    return cast(IO[bytes], target.open(mode))


def _put(target: Path, mode: str, content: bytes) -> int:
    with _open(target, mode) as out:
        return out.write(content)


def _is_page(response: aiohttp.ClientResponse, file: RemoteFile) -> bool:
    """Whether a gateway's page came in the place of a file."""
    return response.content_type == "text/html" and not file.filename.lower().endswith((".html", ".htm"))


def _object(answer: Json, path: str) -> JsonObject:
    if not isinstance(answer, dict):
        raise NotServing(f"{path} answered with a {type(answer).__name__} instead of an object: no ComfyUI", 200)
    if isinstance(answer.get("error"), str):
        # SwarmUI tells some of its errors with the status of a success.
        raise NotServing(f"{path} answered with an error: {answer['error']}", 200)
    return answer


def _prompt_ids(entries: Json) -> tuple[str, ...]:
    """The ids of queue entries `[number, prompt_id, ...]`; a backend lists its heap, so they are sorted here.

    Raises:
        ValueError: they are no queue's entries.
    """
    if not isinstance(entries, list):
        raise ValueError("a queue is a list")  # noqa: TRY004 - both are the same kind of wrong
    numbered: list[tuple[float, str]] = []
    for entry in entries:
        match entry:
            case [int() | float() | str() as number, prompt_id, *_]:
                numbered.append((float(number), str(prompt_id)))
            case [_, _, *_]:
                raise ValueError("an entry of a queue begins with its number")
    return tuple(prompt_id for _, prompt_id in sorted(numbered, key=lambda entry: entry[0]))
