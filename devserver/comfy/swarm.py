"""SwarmUI: its session, its state, the ComfyUI backends that it runs, and a client that reaches one through it."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeGuard
from urllib.parse import quote, urlsplit

from devserver.comfy.client import Client, Route, cut_off, stream
from devserver.comfy.connection import Connection, Exchange
from devserver.comfy.errors import BackendError, Denied, NotServing, OutputMissing, Unreachable, unexpected_answer
from devserver.comfy.files import RemoteFile
from schemas.json_values import Json, JsonObject, read_object, read_text

DIRECT: Final = "/ComfyBackendDirect"
# Not in SwarmUI's documentation; without it each call goes to whichever backend is the first at that moment.
PIN: Final = "X-Swarm-Backend-ID"
COOKIE: Final = "swarm_token"
ANY: Final = "any"  # in place of a backend's number: any backend
COMFYUI_TYPES: Final = "comfyui_"
OTHER_SWARM_TYPE: Final = "swarmswarmbackend"
# States that may become "running" without help.
STARTING_STATES: Final = frozenset({"loading", "some_loading", "idle", "waiting"})

HINTS: Final = {
    "bad_permissions": "The account of `swarm_token` needs the permissions view_backends_list, comfy_direct_calls and"
    " comfy_backend_generate.",
    "unauthorized": "Set `swarm_token` to a token of a SwarmUI account.",
}

log = logging.getLogger(__name__)


class SwarmError(BackendError):
    """SwarmUI refused a call; `error_id` is its own code for the reason, or empty."""

    def __init__(self, message: str, status: int, error_id: str = "") -> None:
        super().__init__(message, status)
        self.error_id = error_id


@dataclass(frozen=True)
class SwarmState:
    """The state of all of SwarmUI's backends together; one that failed makes it `errored` while others run."""

    status: str
    message: str
    any_loading: bool

    @property
    def may_start(self) -> bool:
        """Tell whether a backend may begin to run without help."""
        return self.any_loading or self.status in STARTING_STATES


@dataclass(frozen=True)
class SwarmBackend:
    """One backend in SwarmUI's list."""

    id: str
    type: str
    status: str
    settings: Mapping[str, Json]

    @property
    def runs_comfyui(self) -> bool:
        return self.type.startswith(COMFYUI_TYPES) and self.status == "running"

    @property
    def host(self) -> str:
        """Return the host name of a ComfyUI that SwarmUI did not start itself, else ''."""
        return urlsplit(read_text(self.settings.get("Address"))).hostname or ""

    def output_folder(self, swarm_folder: Path | None) -> Path | None:
        """Return its ComfyUI's output folder, if the settings name it; a relative path is below SwarmUI's folder."""
        script = read_text(self.settings.get("StartScript"))
        if not script:
            return None
        root = Path(swarm_folder or "", script).parent
        options = _options(read_text(self.settings.get("ExtraArgs")))
        folder = root / "output"
        if "--base-directory" in options:
            folder = root / options["--base-directory"] / "output"
        if "--output-directory" in options:
            folder = root / options["--output-directory"]
        return folder if folder.is_absolute() else None


def _options(arguments: str) -> dict[str, str]:
    """Return the options of a command line that have a value, written with a space or with `=`."""
    try:
        words = shlex.split(arguments, posix=os.name != "nt")
    except ValueError:
        return {}
    options = {}
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            options[name] = (value if equals else following).strip("\"'")
    return options


class Swarm:
    """One SwarmUI.

    Args:
        base_url: the root (`http://127.0.0.1:7801`).
        headers: sent with every request (see `credentials`).
    """

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self.connection = Connection(base_url, headers)
        self.user_id = "local"
        self._session_id = ""

    async def close(self) -> None:
        await self.connection.close()

    async def new_session(self) -> None:
        """Ask for a session.

        Raises:
            Unreachable: no answer.
            BackendError: SwarmUI gives none, or this is not SwarmUI.
        """
        answer = await self._post("GetNewSession", {})
        if not isinstance(session_id := answer.get("session_id"), str):
            raise NotServing(f"{self.connection.base_url} gives no session: it is not SwarmUI", 200)
        self._session_id, self.user_id = session_id, read_text(answer.get("user_id")) or "local"

    async def call(self, route: str, **body: object) -> JsonObject:
        """Call a route of SwarmUI's own with a session, a new one where the last has expired.

        Raises:
            Unreachable: no answer.
            SwarmError: with SwarmUI's own reason.
        """
        if not self._session_id:
            await self.new_session()
        try:
            return await self._post(route, {"session_id": self._session_id, **body})
        except SwarmError as error:
            if error.error_id != "invalid_session_id":
                raise
        await self.new_session()
        return await self._post(route, {"session_id": self._session_id, **body})

    async def state(self) -> SwarmState:
        state = read_object((await self.call("GetCurrentStatus")).get("backend_status"))
        return SwarmState(str(state.get("status")), read_text(state.get("message")), bool(state.get("any_loading")))

    async def backends(self) -> list[SwarmBackend]:
        """Return every backend in its list, of any kind and state."""
        listed = await self.call("ListBackends")
        return [
            SwarmBackend(
                id=str(number),
                type=str(entry.get("type")),
                status=str(entry.get("status")).lower(),
                settings=read_object(entry.get("settings")),
            )
            for number, entry in listed.items()
            if isinstance(entry, dict)
        ]

    def client_for(self, backend_id: str) -> SwarmClient:
        """Return a client for one of its ComfyUI backends."""
        return SwarmClient(self, backend_id)

    async def _post(self, route: str, body: Mapping[str, object]) -> JsonObject:
        path = f"/API/{route}"
        status, answer = await self.connection.exchange("POST", path, json_body=body)
        # Some errors come with status 200 and some as 400 or 401: the body decides, then the status.
        if _is_swarm_error(answer, status):
            error_id = read_text(answer.get("error_id"))
            reason = read_text(answer.get("error")) or error_id
            hint = HINTS["unauthorized"] if "unauthorized" in reason.lower() else HINTS.get(error_id, "")
            raise SwarmError(f"SwarmUI ({self.connection.base_url}) says: {reason} {hint}".rstrip(), status, error_id)
        if status != 200 or not isinstance(answer, dict):
            raise unexpected_answer("POST", self.connection.base_url + path, status, answer)
        return answer


class SwarmClient(Client):
    """One ComfyUI through SwarmUI, with every call pinned to it.

    SwarmUI passes on status, type and body only: no ranges, no lengths. Its own `/View` has both and needs no running
    ComfyUI, but serves only the folders of those that SwarmUI itself has started; so it is the second choice.
    """

    def __init__(self, swarm: Swarm, backend_id: str) -> None:
        root = swarm.connection
        pin = {} if backend_id == ANY else {PIN: backend_id}
        super().__init__(root.base_url + DIRECT, {**root.headers, **pin})
        self._swarm, self._backend_id = swarm, backend_id

    async def size(self, file: RemoteFile) -> int | None:
        """Return the length in bytes if `/View` reports it; its 404 does not prove that the file is missing."""
        if file.type != "output" or self._backend_id == ANY:
            return None
        try:
            async with self._view_request(file, {"Range": "bytes=0-0"}) as response:
                return _whole_length(response.headers.get("Content-Range", "")) if response.status == 206 else None
        except Unreachable as error:
            log.debug("%s does not report a length: %s", self.base_url, error)
            return None

    async def fetch(self, file: RemoteFile, target: Path) -> Route:
        """Download an output from its ComfyUI or, if that fails or is incomplete, from SwarmUI's own `/View`."""
        size = await self.size(file)
        try:
            way = await super().fetch(file, target)
            received = (await asyncio.to_thread(target.stat)).st_size
            if size is None or received == size:
                return way
            reason = BackendError(cut_off(self.base_url, file, received, size))
        except OutputMissing:
            raise
        except BackendError as error:
            reason = error
        if size is None:
            raise reason
        log.warning("%s; asking SwarmUI's own /View", reason)
        await self._resume_from_view(file, target, size)
        return "swarm_view"

    async def _resume_from_view(self, file: RemoteFile, target: Path, size: int) -> None:
        """Download the rest of a file."""
        have = (await asyncio.to_thread(target.stat)).st_size if await asyncio.to_thread(target.exists) else 0
        have = have if have < size else 0
        async with self._view_request(file, {"Range": f"bytes={have}-"}) as response:
            if response.status not in {200, 206}:
                raise Unreachable(f"{response.url} answered {response.status}", response.status)
            have = have if response.status == 206 else 0
            received = have + await stream(response, target, "ab" if have else "wb")
        if received != size:
            raise Unreachable(f"{response.url}: {received} of {size} bytes came")

    def _view_request(self, file: RemoteFile, headers: Mapping[str, str]) -> Exchange:
        path = quote(f"/View/{self._swarm.user_id}/_comfy{self._backend_id}/{file.path}")
        return self._swarm.connection.request("GET", path, headers=headers)


def _is_swarm_error(answer: Json, status: int) -> TypeGuard[JsonObject]:
    """Tell whether an answer is an error in SwarmUI's own form; a gateway's JSON is not."""
    if not isinstance(answer, dict):
        return False
    return "error_id" in answer or (status == 200 and isinstance(answer.get("error"), str))


def reachable_backends(listed: Iterable[SwarmBackend]) -> list[SwarmBackend]:
    """Return the ComfyUIs that can be reached through SwarmUI, each by its number.

    If it only knows another SwarmUI, there is one entry without a number: SwarmUI refuses a pin to that one.
    """
    listed = list(listed)
    own = [backend for backend in listed if backend.runs_comfyui]
    others = [backend for backend in listed if backend.type == OTHER_SWARM_TYPE and backend.status == "running"]
    return own or [replace(backend, id=ANY) for backend in others[:1]]


def _whole_length(content_range: str) -> int | None:
    """Return the `5000` of `bytes 0-0/5000`."""
    total = content_range.rpartition("/")[2]
    return int(total) if total.isdecimal() else None


def credentials(swarm_token: str | None, authorization: str | None) -> dict[str, str]:
    """Return the headers that authorise requests: a SwarmUI account's cookie, and `Authorization`."""
    cookie = {"Cookie": f"{COOKIE}={swarm_token}"} if swarm_token else {}
    return {**cookie, **({"Authorization": authorization} if authorization else {})}


async def recognise(base_url: str, headers: Mapping[str, str] | None = None) -> Literal["comfyui", "swarmui"]:
    """Tell which program listens at an address.

    Raises:
        Unreachable: nothing, or something else.
    """
    swarm = Swarm(base_url, headers)
    try:
        await swarm.new_session()
        return "swarmui"
    except SwarmError:
        return "swarmui"  # it answers like SwarmUI; the next call reports the error again
    except BackendError as error:
        if isinstance(error, Denied) or not isinstance(error, NotServing):
            raise
        async with Client(base_url, headers) as client:
            await client.system_stats()
            return "comfyui"
    finally:
        await swarm.close()
