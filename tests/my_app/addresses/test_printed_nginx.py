"""The nginx lines of docs/security.md before a real server: what comes through them, and from whom."""

from __future__ import annotations

import base64
import http.client
import json
import math
import socket
import struct
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from devserver.users.keys import Keys
from tests.doubles.printed_nginx import BELOW, PASSWORD, TOP, USERS, PrintedNginx, settings
from tests.doubles.programs import Server
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.nginx
NAMES = {TOP: "music.example.org", BELOW: "studio.example.org", USERS: "studio.example.org"}
EXECUTE = "/api/schema/pipeline/execute"
REQUEST = {"input_text": "x", "schema": "plain", "output_config": "silence_mp3", "safety_level": "off"}


class Visitor:
    """Somebody who comes over TLS, as a browser with a page of ours; each request on a connection of its own."""

    def __init__(self, number: int, nginx: PrintedNginx, shown: str) -> None:
        self._name, self._nginx = NAMES[number], nginx
        self._headers = {"Authorization": shown, "Origin": f"https://{self._name}"}
        self.start = "" if number == TOP else "/music"  # what every address begins with

    @contextmanager
    def open(self, method: str, path: str, body: Any = None, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request, as long as the block lasts."""
        connection = http.client.HTTPSConnection(self._name, self._nginx.port)
        plain = socket.create_connection(("127.0.0.1", self._nginx.port), PATIENCE_S)
        connection.sock = self._nginx.context.wrap_socket(plain, server_hostname=self._name)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(connection):
            connection.request(method, path, data, {**self._headers, **sent})
            yield connection.getresponse()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, http.client.HTTPMessage]:
        with self.open(method, path, body, **headers) as response:
            content = response.read()
            is_json = response.headers.get_content_type() == "application/json"
            return response.status, json.loads(content) if is_json else content, response.headers

    def make(self, **more: Any) -> dict[str, Any]:
        status, told, _ = self.ask("POST", self.start + EXECUTE, {**REQUEST, **more})
        assert status in {200, 202}, told
        assert isinstance(told, dict)
        return told


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def secret(exports: Path) -> str:
    return Keys(exports / ".state").add("root", admin=True)


@pytest.fixture(scope="module", params=[TOP, BELOW, USERS], ids=["top", "below", "users"])
def printed(
    request: pytest.FixtureRequest, exports: Path, secret: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, PrintedNginx, Server]]:
    assert secret
    with Server(exports, **settings(request.param)) as server:
        folder, port = tmp_path_factory.mktemp("nginx") / "nginx", int(server.url.rpartition(":")[2])
        with PrintedNginx(folder, request.param, port, users=("root", "Pupil.7")) as nginx:
            yield request.param, nginx, server


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{PASSWORD}'.encode()).decode()}"


@pytest.fixture
def admin(printed: tuple[int, PrintedNginx, Server], secret: str) -> Visitor:
    """The admin, with a key; or where the proxy signs people in, by a password."""
    number, nginx, _ = printed
    return Visitor(number, nginx, basic("root") if number == USERS else f"Bearer {secret}")


def test_page_run_media_and_range_come_through(printed: tuple[int, PrintedNginx, Server], admin: Visitor) -> None:
    for path in ("/", "/docs", "/public/api.js"):
        assert admin.ask("GET", admin.start + path)[0] == 200
    told = admin.make()
    url = told["media_output"]["url"]
    assert url == f"{admin.start}/api/media/audio/{told['run_id']}"
    status, part, headers = admin.ask("GET", url, Range="bytes=10-19")
    assert (status, len(part)) == (206, 10)
    assert headers["Content-Range"].startswith("bytes 10-19/")
    assert admin.ask("GET", told["links"]["run"])[1]["media"][0]["url"] == url
    record = (printed[2].exports / told["run_id"] / "metadata.json").read_text()
    assert "/music" not in record


def test_an_event_comes_while_the_run_goes_on(admin: Visitor) -> None:
    with admin.open("GET", f"{admin.start}/api/events") as stream:
        asked = {**REQUEST, "output_config": "procedural_instrumental", "params": {"seconds": 300}, "wait": False}
        status, told, headers = admin.ask("POST", admin.start + EXECUTE, asked)
        where = headers["Location"]
        assert (status, where) == (202, f"{admin.start}/api/runs/{told['run_id']}")
        event_of(stream, "run.started", told["run_id"])  # a proxy that gathers events would hold this one back
        assert admin.ask("POST", f"{where}/cancel", {})[0] == 200
        assert event_of(stream, "run.ended", told["run_id"])["data"]["url"] == where


def test_a_large_file_is_sent_through(admin: Visitor) -> None:
    tone = BytesIO()
    with wave.open(tone, "wb") as file:
        file.setparams((1, 2, 44100, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", round(9000 * math.sin(0.06 * at))) for at in range(20 * 44100)))
    assert len(tone.getvalue()) > 1 << 20, "more than nginx takes by itself"
    status, told, _ = admin.ask("POST", f"{admin.start}/api/uploads?name=tone.wav", tone.getvalue())
    assert (status in {200, 201}, told["mime"]) == (True, "audio/wav")


def test_the_path_without_its_end_leads_to_the_page(admin: Visitor) -> None:
    status, _, headers = admin.ask("GET", admin.start or "/")
    assert status == (301 if admin.start else 200)
    assert headers.get("Location", "/").endswith(f"{admin.start}/")


def test_nobody_is_another_one_by_a_header(printed: tuple[int, PrintedNginx, Server], secret: str) -> None:
    number, nginx, server = printed
    forged = {"X_Remote_User": "root", "X_Forwarded_Prefix": "/evil"}
    pupil = Visitor(number, nginx, basic("Pupil.7") if number == USERS else f"Bearer {secret}")
    told = pupil.ask("GET", f"{pupil.start}/api/session", **forged)[1]
    assert (told["user"], told["admin"]) == (("Pupil.7", False) if number == USERS else ("root", True))
    status, _, headers = pupil.ask("POST", pupil.start + EXECUTE, {**REQUEST, "wait": False}, **forged)
    assert (status, headers["Location"].startswith(f"{pupil.start}/api/runs/")) == (202, True)
    stranger = Visitor(number, nginx, basic("nobody"))
    assert stranger.ask("GET", f"{stranger.start}/api/session", **forged)[0] == 401
    sent = {"Host": NAMES[number]} if number == USERS else {"Host": NAMES[number], "X-Remote-User": "root"}
    assert server.call("GET", "/api/runs", headers=sent)[0] == 401, "nobody is let in who is not named"


def test_a_run_that_was_made_below_a_path_is_served_at_the_top(
    printed: tuple[int, PrintedNginx, Server], admin: Visitor, secret: str
) -> None:
    run_id = admin.make()["run_id"]
    key = {"Authorization": f"Bearer {secret}"}
    status, direct = printed[2].call("GET", f"/api/runs/{run_id}/answer", headers=key)
    assert (status, direct["media_output"]["url"]) == (200, f"/api/media/audio/{run_id}")


def event_of(stream: http.client.HTTPResponse, kind: str, run_id: str) -> dict[str, Any]:
    """The next event of this kind of a run."""
    while line := stream.readline():
        event = json.loads(line[5:]) if line.startswith(b"data:") else {}
        if (event.get("kind"), event.get("run_id")) == (kind, run_id):
            assert isinstance(event, dict)
            return event
    raise AssertionError(f"the stream ended before {kind}")
