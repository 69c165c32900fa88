"""Every route that takes an id, a name, a file or a body gets the whole corpus. Nothing beside the server's own folders
is read or written, no answer is a 5xx, what is refused is refused in the one shape, and the server goes on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from devserver.errors import VALUE_CODES
from devserver.errors.sentences import MESSAGES
from my_app.table import ROUTES
from tests.attacks.conftest import CANARY, Said, Target, Wire
from tests.attacks.corpus import BODIES, FILES, HARMLESS, HEADERS, PATHS, QUERIES, RUN, WRONG, path_of
from tests.doubles import odd_media

ERROR_KEYS = {"stage", "code", "message", "message_code", "values", "hint", "field", "value", "allowed"}
STREAMS = {"all_events", "run_events"}  # a right request never ends; only wrong ones are sent
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}
WITH_BODY = [name for name, route in BY_NAME.items() if route.body is not None]
WITH_PLACE = [name for name, route in BY_NAME.items() if route.parameters]
WITH_QUERY = [name for name, route in BY_NAME.items() if route.queries]


@pytest.fixture(autouse=True)
def unharmed(target: Target) -> Iterator[None]:
    """Nothing outside was touched while a test ran, and the server still does its work."""
    before = target.outside()
    yield
    assert target.touched() == []
    assert target.outside() == before
    assert target.server.call("GET", "/health")[0] == 200
    assert target.server.call("GET", f"/api/runs/{target.run_id}")[1]["status"] == "success"


def checked(said: Said, about: object) -> Said:
    """No 5xx, no canary, no header that was smuggled in, and a refusal in the one shape."""
    assert said.status < 500, (about, said)
    assert CANARY.encode() not in said.body, about
    assert b"root:x:0" not in said.body, about
    assert b"Traceback" not in said.body, about
    assert "x-injected" not in said.headers, about
    if said.status >= 400 and said.status != 416:
        told = json.loads(said.body)
        assert set(told["error"]) >= ERROR_KEYS or ("error" in told and "run_id" in told), (about, told)
        assert told["error"]["message"], about
        assert "run_id" in told or told["error"]["message_code"] in {*MESSAGES, *VALUE_CODES}, (about, told)
    return said


def test_no_route_is_left_out() -> None:
    for name, route in BY_NAME.items():
        assert {*route.parameters} <= {*PATHS}, f"{name}: give the corpus values for its parameters"
        assert {*route.queries} <= {*QUERIES}, f"{name}: give the corpus its queries"
        if route.body is not None:
            assert route.name in BODIES, f"{name}: give the corpus a right body"
        assert not route.forms or route.name in FILES, f"{name}: attack its files"


@pytest.mark.parametrize("name", WITH_PLACE)
def test_ids_and_names(target: Target, wire: Wire, name: str) -> None:
    route = BY_NAME[name]
    right = {"run_id": target.run_id, "media": "audio", "index": "0", "name": "x", "path": "app.js", "user": "x"}
    for place in route.parameters:
        for value in PATHS[place]:
            path = path_of(route, {**right, place: value}.__getitem__)
            said = checked(wire.send(route.method, path.encode().decode("latin-1")), path)
            if value not in HARMLESS[place]:
                assert said.status in {400, 404, 405, 431}, (path, said)


@pytest.mark.parametrize("name", WITH_QUERY)
def test_queries(target: Target, wire: Wire, name: str) -> None:
    route = BY_NAME[name]
    if route.name == "upload":
        return  # its name goes with a file, below
    path = path_of(route, {"run_id": target.run_id, "media": "audio", "index": "0", "name": "x"}.__getitem__)
    for query in route.queries:
        for value in (*PATHS["run_id"], *PATHS["path"]):
            sent = value.replace("&", "%26").replace(" ", "%20").encode().decode("latin-1")
            checked(wire.send(route.method, f"{path}?{query}={sent}"), (path, query, value))
        checked(wire.send(route.method, f"{path}?{query}=1&{query}=2"), (path, query, "twice"))


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_headers(target: Target, wire: Wire, name: str) -> None:
    route = BY_NAME[name]
    right = {"run_id": target.run_id, "media": "audio", "index": "0", "name": "x", "path": "app.js", "user": "x"}
    path = path_of(route, right.__getitem__)
    body = None if route.method == "GET" else b"[]"  # no route takes it, so nothing is begun
    for header, values in HEADERS.items():
        if route.name in STREAMS and header != "Last-Event-ID":
            continue
        for value in values:
            said = checked(wire.send(route.method, path, {header: value}, body), (path, header, value))
            if route.name in STREAMS:
                assert said.status == 400, (header, value)


SLOW = {"import_graph", "validate_definition"}  # they read every definition for each answer: a part of the corpus


def values_in(body: dict[str, Any], wrong: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The body with one wrong value at a time in each of its places, and with one name too many."""
    for name, right in body.items():
        for value in wrong:
            yield (name, repr(value)[:60]), {**body, name: value}
            if isinstance(right, dict):
                for inner in right:
                    yield (name, inner, repr(value)[:60]), {**body, name: {**right, inner: value}}
        yield (f"without {name}",), {key: kept for key, kept in body.items() if key != name}
    for extra in ("__class__", "x" * 5000, "", "$ref", "../x", "user_id", "run_id"):
        yield (f"and {extra[:20]}",), {**body, extra: "x"}


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies(target: Target, wire: Wire, name: str) -> None:
    route, runs = BY_NAME[name], []
    for about, body in values_in(BODIES[route.name], WRONG[::6] if route.name in SLOW else WRONG):
        sent = json.dumps(body).encode()
        said = checked(wire.send(route.method, route.path, {"Prefer": "respond-async"}, sent), (name, about))
        if said.status == 202:
            runs.append(json.loads(said.body)["run_id"])
    for run_id in runs:
        target.server.call("POST", f"/api/runs/{run_id}/cancel")


NO_OBJECTS = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe",
    b"\x00",
    b"[" * 60_000,
    b'{"a":' * 60_000,
    b"<x/>",
    b"{}{}",
)


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies_that_are_no_object(wire: Wire, name: str) -> None:
    route = BY_NAME[name]
    for body in NO_OBJECTS:
        said = checked(
            wire.send(route.method, route.path, {"Content-Type": "application/json"}, body), (name, body[:20])
        )
        assert said.status in {400, 404, 413, 422} or (
            route.body is not None and not route.body.is_required and not body
        ), said


FILE_VALUES = (
    *(
        {"run": "RUN", "entity": entity}
        for entity in ("../../secret.json", "/etc/passwd", "metadata.json", ".", "", "07_output_audio.mp3\n")
    ),
    *(
        {"run": run, "entity": "07_output_audio.mp3"}
        for run in ("../..", ".state", "", "RUN/..", "20300101-000000-ffffffff")
    ),
    *(
        "/etc/passwd",
        "OUTSIDE",
        "ROOTS/../outside/secret.wav",
        "ROOTS/link.wav",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x",
        "~/x",
    ),
    *(
        "0" * 64,
        "0" * 64 + ".wav",
        "0" * 64 + "/..",
        "../uploads/" + "0" * 64,
        "0" * 64 + ".w/v",
        "ROOTS",
        "ROOTS/",
        "//etc/passwd",
    ),
)


def test_files_that_a_request_names(target: Target, wire: Wire) -> None:
    link = target.folder / "roots" / "link.wav"
    link.symlink_to(target.secret)
    places = {"RUN": target.run_id, "OUTSIDE": str(target.secret), "ROOTS": str(target.folder / "roots")}
    for value in FILE_VALUES:
        text = json.dumps({**RUN, "output_config": "mastered_recording", "params": {"audio": value}})
        for word, real in places.items():
            text = text.replace(word, real)
        said = checked(wire.send("POST", BY_NAME["POST /api/schema/pipeline/execute"].path, {}, text.encode()), value)
        assert said.status in {404, 422}, (value, said)
        assert said.error["field"].startswith("params."), said


def test_a_link_in_a_runs_folder_that_leads_out_is_not_followed(target: Target, wire: Wire) -> None:
    made = target.server.exports / target.run_id / "07_output_audio.mp3"
    aside = made.with_suffix(".kept")
    made.rename(aside)
    made.symlink_to(target.secret)
    try:
        for path in (f"/api/media/audio/{target.run_id}", f"/api/media/audio/{target.run_id}/0"):
            assert checked(wire.send("GET", path), path).status == 404
        value = {"run": target.run_id, "entity": made.name}
        body = json.dumps({**RUN, "output_config": "mastered_recording", "params": {"audio": value}}).encode()
        assert checked(wire.send("POST", "/api/schema/pipeline/execute", {}, body), value).status == 404
    finally:
        made.unlink()
        aside.rename(made)
    assert wire.send("GET", f"/api/media/audio/{target.run_id}").status == 200


def form(*parts: bytes, boundary: bytes = b"x") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


WAV = odd_media.wav(odd_media.tone())
FIELD = b'Content-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s'
FORMS = (
    form(FIELD % (b"../../../secret.json", WAV)),
    form(FIELD % (b"/etc/passwd", WAV)),
    form(FIELD % (b"a\x00b", WAV)),
    form(FIELD % (b"x" * 7000, WAV)),
    form(FIELD % (b"CON", WAV)),
    form(FIELD % (b'a"; filename="../b', WAV)),
    form(b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''..%2f..%2fx\r\n\r\n" + WAV),
    form(b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%ff%ff\r\n\r\n" + WAV),
    form(b'Content-Disposition: form-data; name="file"; filename*=x\'y\r\n\r\n' + WAV),
    form(b"\r\n" + WAV),
    form(b"Content-Disposition: attachment\r\n\r\n" + WAV),
    form(b'Content-Disposition: form-data; name="other"\r\n\r\nx'),
    form(FIELD % (b"a", b"#!/bin/sh\nid\n")),
    form(FIELD % (b"a.wav", b"<svg onload=alert(1)>")),
    form(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!'),
    form(b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Encoding: gzip\r\n\r\nnot gzip'),
    form(
        b'Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n-'
    ),
    b"--x\r\n",
    b"--x",
    b"",
    b"--x--",
    b"--x\r\n\r\n\r\n" * 2000,
    b"no boundary at all",
    b"--x\r\n" + b"X-Long: " + b"y" * 100_000,
    b"".join(b"--x\r\n" + FIELD % (b"", b"") + b"\r\n" for _ in range(500)),
)


def test_files_that_are_sent(target: Target, wire: Wire) -> None:
    for number, sent in enumerate(FORMS):
        said = wire.send("POST", "/api/uploads", {"Content-Type": "multipart/form-data; boundary=x"}, sent)
        assert checked(said, sent[:80]).status in {200, 201, 400, 413, 415, 422}, (number, said)
    for boundary in ("", "x" * 5000, '"', "x; boundary=y", "\xff", "=", " "):
        kind = f"multipart/form-data; boundary={boundary}"
        said = wire.send("POST", "/api/uploads", {"Content-Type": kind}, FORMS[0])
        assert checked(said, boundary).status in {200, 400, 413, 415, 422}, (boundary, said)
    for name in PATHS["path"]:
        sent_name = name.replace("&", "%26").replace(" ", "%20").encode().decode("latin-1")
        said = wire.send("POST", f"/api/uploads?name={sent_name}", {}, WAV)
        assert checked(said, name).status in {200, 201, 400}, (name, said)
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = bomb.compress(bytes(64 << 20)) + bomb.flush()
    for path in ("/api/uploads", "/api/schema/pipeline/execute", "/api/prompt/parse", "/api/session"):
        said = checked(wire.send("POST", path, {"Content-Encoding": "gzip"}, packed), "a bomb")
        assert said.status == 413, (path, said)
    kept = {path.name for path in (target.server.exports / ".state" / "uploads").iterdir()}
    assert all(len(name) == 64 for name in kept), kept


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "DELETE", "POST"])
def test_methods_that_a_route_does_not_take(wire: Wire, method: str) -> None:
    taken = {(route.method, route.path) for route in ROUTES}
    for route in ROUTES:
        path = path_of(route, lambda _: "x")
        if (method, route.path) in taken or method == "CONNECT":
            continue
        assert checked(wire.send(method, path), (method, path)).status in {404, 405}


def test_one_request_is_not_two(wire: Wire) -> None:
    """What a proxy and a server could cut in two places is refused, or is one request."""
    hidden = b"GET /api/runs HTTP/1.1\r\nHost: localhost\r\nX-Hidden: 1\r\n\r\n"
    for fields in (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Content-Length: 0\r\nContent-Length: %d" % len(hidden),
        b"Transfer-Encoding:\x0bchunked",
        b"Transfer-Encoding: xchunked",
        b"Content-Length: +5",
        b"Content-Length: 5 5",
        b"Content-Length : 5",
        b" Content-Length: 5",
    ):
        sent = b"POST /api/session HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n\r\n0\r\n\r\n" + hidden
        assert checked(wire.raw(sent), fields).status in {400, 422}, fields
