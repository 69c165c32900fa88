"""A watched server with something to steal beside its folders, and one finished run."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.programs import Server

CANARY = "canary-6f1d0c"


@dataclass
class Target:
    """The server under attack. `touched` is what it has touched outside its folders; `secret` lies there."""

    server: Server
    folder: Path
    run_id: str = ""
    secret: Path = field(init=False)

    def __post_init__(self) -> None:
        self.secret = self.folder / "outside" / "secret.wav"

    def touched(self) -> list[str]:
        return (self.folder / "touched.log").read_text().splitlines()

    def outside(self) -> dict[str, bytes]:
        """Every file beside the server's own folders."""
        own = {"exports", "definitions", "roots", "spool", "touched.log"}
        found = (path for place in self.folder.iterdir() if place.name not in own for path in place.rglob("*"))
        return {str(path): path.read_bytes() for path in found if path.is_file()}


@dataclass
class Said:
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        told = json.loads(self.body)["error"]
        assert isinstance(told, dict)
        return told


class Wire:
    """Sends requests byte by byte as they are given, over a connection that is kept as long as the server keeps it."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address, self._socket = (host, int(port)), None

    def send(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Said:
        given = {"Host": "localhost", **(headers or {})}
        if body is not None:
            given.setdefault("Content-Length", str(len(body)))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        return self.raw("\r\n".join(lines).encode("latin-1", "replace") + (body or b""), head=method == "HEAD")

    def raw(self, data: bytes, *, head: bool = False) -> Said:
        with socket.create_connection(self._address, 60) as connection, connection.makefile("rb") as answer:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was sent; the answer says so
                connection.sendall(data)
            status = int(answer.readline().split()[1])
            fields = {}
            while line := answer.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                fields[name.lower()] = value.strip()
            if head or status in (204, 304):
                return Said(status, fields, b"")
            return Said(status, fields, _body(answer, fields))


def _body(answer: Any, fields: dict[str, str]) -> bytes:
    if "content-length" in fields:
        return bytes(answer.read(int(fields["content-length"])))
    whole = b""
    while length := int(answer.readline(), 16):
        whole += answer.read(length)
        answer.readline()
    return whole


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("attacked")
    for name in ("outside", "definitions", "roots", "spool"):
        (folder / name).mkdir()
    (folder / "outside" / "secret.wav").write_text(CANARY)
    (folder / "secret.json").write_text(json.dumps({"canary": CANARY}))
    command = ["-m", "tests.attacks.watched", str(folder)]
    own: dict[str, Any] = {
        "definitions": [str(folder / "definitions")],
        "file_roots": [str(folder / "roots")],
        "upload_limit_mib": 1,
    }
    with Server(folder / "exports", command, **own) as server:
        found = Target(server, folder)
        status, told = server.execute(input_text="a sound", output_config="silence_mp3", schema="plain")
        assert status == 200, told
        found.run_id = told["run_id"]
        yield found


@pytest.fixture
def wire(target: Target) -> Wire:
    return Wire(target.server.url)
