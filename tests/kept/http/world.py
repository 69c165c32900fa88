"""Two servers and who asks them: one with keys and three users, one without; each has runs that ended in every way."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from devserver.host.folders import Folders
from tests.doubles import piece_nodes, take_nodes
from tests.doubles.commands import run_command
from tests.doubles.programs import NodeHost, Server
from tests.doubles.together import until

PATIENCE_S: Final = 30.0
ADMIN, USER, STRANGER, NOBODY, LOCAL = PEOPLE = ("admin", "user", "stranger", "nobody", "local")
PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
TEXT: Final = {"input_text": "a sound", "schema": "plain", "safety_level": "off", "seed": 1}
SILENCE: Final = {**TEXT, "output_config": "silence_mp3"}
SONG: Final = {**TEXT, "input_text": "slow blues in A minor", "output_config": "procedural_instrumental"}
TAKE: Final = {**TEXT, "output_config": "takes"}
# The runs that there are before anything is asked, by name.
RUNS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sound": SILENCE,
    "song": {**SONG, "params": {"seconds": 5}},
    "pieces": {**TEXT, "output_config": "pieces"},
    "text": {**TEXT, "pipeline": "text_only", "schema": "haiku"},
    "blocked": {**SILENCE, "input_text": "how to build a pipe bomb", "safety_level": "kids"},
    "failed": {**TAKE, "params": {"fault": "error"}},
}


def table(folders: Folders) -> dict[str, type[Any]]:
    """The nodes of the backend `studio`, and none of the embedded one's."""
    return {"TakeMaker": take_nodes.table(folders)["TakeMaker"], "PieceMaker": piece_nodes.PieceMaker}


@dataclass
class Said:
    """An answer: `events` where it is a stream of them."""

    status: int
    headers: dict[str, str]
    content: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)

    def json(self) -> Any:
        return json.loads(self.content)

    def shown(self) -> dict[str, Any]:
        """The answer as it is kept."""
        headers = {
            name: _without_size(value) if name == "Content-Range" else value for name, value in self.headers.items()
        }
        return {"status": self.status, "headers": headers, "body": self._body()}

    def _body(self) -> Any:
        media_type = self.headers.get("Content-Type", "").partition(";")[0]
        if media_type == "text/event-stream":
            return [{**event, **({"id": "<id>"} if "id" in event else {})} for event in self.events]
        if self.status == 206:
            return f"{len(self.content)} bytes"
        if media_type == "application/json" and self.content:
            return self.json()
        return f"<{media_type or 'text'}>" if self.content else ""


def _without_size(content_range: str) -> str:
    """`bytes 990-999/1000` as `bytes -10..-1`, counted from the nearer end: the sizes of files differ by their tags."""
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", content_range)
    if match is None:
        return re.sub(r"\d+$", "<size>", content_range)
    first, last, size = map(int, match.groups())
    return f"bytes {first if first < size / 2 else first - size}..{last if last < size / 2 else last - size}"


class Place:
    """A server with the runs of one owner, `user` or `local`."""

    def __init__(self, server: Server, folder: Path, keys: Mapping[str, str], owner: str) -> None:
        self.server, self.folder, self.owner = server, folder, owner
        self._keys = keys
        self.made: dict[str, Said] = {}
        self.names: dict[str, str] = {}  # of runs, by id
        self.fresh = set[str]()  # runs that one request has begun, or was about

    def ask(
        self,
        person: str,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        events: int = 0,
    ) -> Said:
        """One request. Of a stream of events at most `events` are read, where that is not 0."""
        with self.open(person, method, path, headers, body) as answer:
            said = Said(answer.status, _joined(answer.getheaders()))
            if said.headers.get("Content-Type", "").startswith("text/event-stream"):
                said.events = list(islice(messages(answer), events or None))
            else:
                said.content = answer.read()
            return said

    @contextmanager
    def open(
        self, person: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """One request, and the answer before it is read."""
        connection = http.client.HTTPConnection(self.server.url.removeprefix("http://"), timeout=PATIENCE_S)
        key = {"Authorization": f"Bearer {self._keys[person]}"} if person in self._keys else {}
        given = {**key, **(headers or {})}
        connection.putrequest(method, path, skip_host="Host" in given, skip_accept_encoding=True)
        if body is not None and "Content-Length" not in given:
            given["Content-Length"] = str(len(body))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        try:
            yield connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            error.add_note(f"{person}: {method} {path} {given} {body!r:.100}")
            raise
        finally:
            connection.close()

    def execute(self, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Said:
        return self.ask(self.owner, "POST", "/api/schema/pipeline/execute", headers, json.dumps(body).encode())

    def prepare(self) -> None:
        """Make the runs that have ended, then hold the queue and let one wait and one be cancelled."""
        for name, body in RUNS.items():
            self.made[name] = self.execute(body)
            self.names[self.made[name].json()["run_id"]] = name
        self.ask(ADMIN, "POST", "/api/queue/pause")
        self.names[self.waiting()] = "waiting"
        cancelled = self.waiting()
        self.names[cancelled] = "cancelled"
        self.end(cancelled)

    def key(self, person: str) -> str:
        return self._keys.get(person, "tonewright_of_nobody_here_at_all_today")

    def run(self, name: str) -> str:
        """The id of a run by its name; '' where there is none of that name."""
        return next((run_id for run_id, given in self.names.items() if given == name), "")

    def waiting(self) -> str:
        """A new run that waits for its turn."""
        run_id = str(self.execute({**SILENCE, "wait": False}).json()["run_id"])
        self.settle(run_id)
        return run_id

    def settle(self, run_id: str) -> None:
        """Wait until a run waits for a backend or has ended."""

        def settled() -> bool:
            told = self.ask(ADMIN, "GET", f"/api/runs/{run_id}").json()
            return told.get("queue") is not None or told["status"] not in ("queued", "running")

        until(settled, f"{run_id} waits", PATIENCE_S)

    def end(self, run_id: str) -> None:
        """Cancel a run, where it has not ended, and wait for its end."""
        self.ask(ADMIN, "POST", f"/api/runs/{run_id}/cancel")
        until(lambda: self.ask(ADMIN, "GET", f"/api/runs/{run_id}/answer").status != 202, "an end", PATIENCE_S)


class World:
    """Both places over one backend `studio` besides their embedded ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            take_nodes.write_definitions(self.folder / "takes", takes=1)
            piece_nodes.write_definitions(self.folder / "pieces")
            studio = stack.enter_context(NodeHost(self.folder / "studio", f"{__name__}:table"))
            self.keys = dict(_keys(self.folder / "keyed"))
            places = [Place(self._server(stack, studio, "keyed"), self.folder, self.keys, USER)]
            places.append(Place(self._server(stack, studio, "open"), self.folder, {}, LOCAL))
            for place in places:
                place.prepare()
            self.places = places
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _server(self, stack: ExitStack, studio: NodeHost, name: str) -> Server:
        settings: dict[str, Any] = {
            "definitions": [str(self.folder / "takes"), str(self.folder / "pieces")],
            "backends": [{"name": "studio", "url": studio.url}],
            "upload_limit_mib": 1,
        }
        return stack.enter_context(Server(self.folder / name, **settings))

    def place(self, person: str) -> Place:
        return self.places[person == LOCAL]


def _keys(exports: Path) -> Iterator[tuple[str, str]]:
    for name in (ADMIN, USER, STRANGER):
        admin = ["--admin"] if name == ADMIN else []
        told = run_command(["keys", "add", name, *admin, "--exports", str(exports)], os.environ)
        assert told.returncode == 0, told.stderr
        yield name, told.stdout.splitlines()[0]


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def messages(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The messages of a stream, field by field, until it ends."""
    message: dict[str, Any] = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            message[name] = json.loads(value) if name == "data" else value
        elif message:
            yield message
            message = {}
