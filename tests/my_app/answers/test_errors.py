"""Whatever is asked wrongly is answered in one shape, by the front and by Flask alike."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from errno import ENOSPC
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientConnectionResetError, ClientError, ClientSession, web
from aiohttp.web import StreamResponse

from devserver.errors import VALUE_CODES, DatabaseGone, InputError
from devserver.errors.sentences import MESSAGES
from devserver.users.keys import KeysUnreadable
from my_app.answers.errors import error_body
from my_app.front import Listening
from my_app.incoming.bodies import MOST_VALUES, _no_doubles, read_json
from tests.my_app.still import Still

EXECUTE = "/api/schema/pipeline/execute"
UNKNOWN = "20300101-000000-ffffffff"
KEYS = set(error_body(400, "internal")["error"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", "/nowhere", None, 404, "not_found", "path"),
        ("GET", "/api/", None, 404, "not_found", "path"),
        ("DELETE", "/api/runs", None, 405, "method_not_allowed", "method"),
        ("GET", EXECUTE, None, 405, "method_not_allowed", "method"),
        ("POST", EXECUTE, b"", 400, "bad_request", ""),
        ("POST", EXECUTE, b"[1]", 400, "bad_request", ""),
        ("POST", EXECUTE, b"\xff", 400, "bad_request", ""),
        ("POST", EXECUTE, b'{"input_text": NaN}', 400, "bad_request", ""),
        ("POST", EXECUTE, b'{"input_text": 1e999}', 400, "bad_request", ""),
        ("POST", EXECUTE, b'{"input_text": "\\ud800"}', 400, "bad_request", ""),
        ("POST", EXECUTE, b'{"\\udfff": "x"}', 400, "bad_request", ""),
        ("POST", EXECUTE, b"[" * 100_000, 400, "bad_request", ""),
        ("POST", EXECUTE, b'{"n": ' + b"9" * 5000 + b"}", 400, "bad_request", ""),
        ("POST", EXECUTE, b"{}", 400, "bad_request", "input_text"),
        ("GET", "/api/runs?limit=0", None, 422, "invalid_value", "limit"),
        ("GET", "/api/runs?limit=x", None, 422, "invalid_value", "limit"),
        ("GET", "/api/runs?status=x", None, 422, "invalid_value", "status"),
        ("GET", "/api/runs?before=..", None, 422, "invalid_value", "before"),
        ("GET", f"/api/runs?q={'x' * 501}", None, 422, "invalid_value", "q"),
        ("GET", f"/api/runs/{UNKNOWN}", None, 404, "not_found", "run_id"),
        ("GET", f"/api/runs/{UNKNOWN}/answer", None, 404, "not_found", "run_id"),
        ("POST", f"/api/runs/{UNKNOWN}/cancel", None, 404, "not_found", "run_id"),
        ("POST", f"/api/runs/{UNKNOWN}/rerun", None, 404, "not_found", "run_id"),
        ("GET", "/api/runs/..%2f..%2fetc", None, 404, "not_found", "run_id"),
    ],
)
async def test_every_mistake_has_the_same_shape(
    *, client: ClientSession, method: str, path: str, body: bytes | None, status: int, code: str, field: str
) -> None:
    async with client.request(method, path, data=body) as reply:
        got = await reply.json()
        assert (reply.status, set(got), set(got["error"])) == (status, {"error"}, KEYS)
        assert (got["error"]["code"], got["error"]["field"]) == (code, field)
        assert got["error"]["message"]
        assert got["error"]["message_code"] in {*MESSAGES, *VALUE_CODES}
        assert isinstance(got["error"]["values"], dict)


async def test_a_body_that_is_no_json_is_told_where(client: ClientSession) -> None:
    async with client.post(EXECUTE, data=b'{"input_text":\n  oops}') as reply:
        assert "line 2, column 3" in (await reply.json())["error"]["message"]


async def test_a_wrong_method_is_told_the_right_ones(client: ClientSession) -> None:
    async with client.delete("/api/runs") as reply:
        assert reply.headers["Allow"] == "GET, HEAD"


async def test_a_body_that_is_too_large_is_refused_unread(client: ClientSession, still: Still) -> None:
    async with client.post(EXECUTE, data=BytesIO(b"x" * ((1 << 20) + 1))) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["code"], error["allowed"]) == (413, "too_large", "at most 1048576 bytes")
        assert error["values"] == {"limit_bytes": 1 << 20, "allowed": {"at_most": 1 << 20, "unit": "bytes"}}
    assert not await still.users()


@pytest.mark.parametrize(
    ("asked", "field", "allowed"),
    [
        ({"params": {"seconds": -1}}, "params.seconds", {"at_least": 0.1, "at_most": 3600, "unit": "s"}),
        ({"params": {"quality": "loud"}}, "params.quality", ["V0", "128k", "320k"]),
        ({"seed": -7}, "seed", None),
        ({"priority": 99}, "priority", {"at_most": 9}),
    ],
)
async def test_what_a_value_may_be_is_there_for_programs(
    client: ClientSession, asked: dict[str, Any], field: str, allowed: object
) -> None:
    body = {"input_text": "hush", "output_config": "silence_mp3", **asked}
    async with client.post(EXECUTE, json=body) as reply:
        error = (await reply.json())["error"]
    assert (reply.status, error["field"]) == (422, field)
    assert error["values"].get("allowed") == allowed, error


async def test_a_run_that_has_ended_says_in_which_states_it_could_be_cancelled(
    client: ClientSession, still: Still
) -> None:
    run_id = await still.accept()
    await still.end(run_id)
    async with client.post(f"/api/runs/{run_id}/cancel") as reply:
        error = (await reply.json())["error"]
    assert error["values"] == {"state": "success", "allowed": ["queued", "running"]}
    assert error["allowed"] == "a queued or running run"


async def test_our_own_mistake_is_logged_and_not_shown(
    client: ClientSession, still: Still, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def accept(*_: object) -> None:
        raise RuntimeError("a secret in a traceback")

    monkeypatch.setattr(still.app.runs, "accept", accept)
    with caplog.at_level(logging.ERROR):
        async with client.post(EXECUTE, json={"input_text": "x"}) as reply:
            text = await reply.text()
            assert (reply.status, json.loads(text)["error"]["code"]) == (500, "internal")
    assert "secret" not in text
    assert "a secret in a traceback" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        KeysUnreadable("broken"),
        DatabaseGone("gone"),
        InputError("internal", status=404),
        web.HTTPNotFound(),
        OSError(ENOSPC, "full"),
        RuntimeError("ours"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_answer_that_cannot_go_on_ends_its_connection(
    *, client: ClientSession, still: Still, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def state() -> None:
        raise error

    monkeypatch.setattr(still.app.queue, "state", state)
    async with client.get("/api/events") as reply:
        assert reply.status == 200, "it has begun"
        with pytest.raises(ClientError):
            await reply.read()


async def test_a_body_is_json_whatever_its_content_type_says(client: ClientSession) -> None:
    body = json.dumps({"input_text": "as curl -d sends it", "wait": False})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with client.post(EXECUTE, data=body, headers=headers) as reply:
        assert reply.status == 202


class Counted(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    times = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return str.__eq__(self, other)


def test_a_name_that_is_there_twice_is_found_in_as_many_steps_as_there_are_names() -> None:
    names = [Counted(number) for number in range(2000)]
    with pytest.raises(ValueError, match="'1999' is there twice"):
        _no_doubles([(name, 0) for name in [*names, Counted(1999)]])
    assert Counted.times < 4 * len(names)


async def test_a_name_of_a_file_that_is_no_text_is_shown_in_the_error(client: ClientSession) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xff\xfe.wav"\r\n\r\nno sound\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with client.post("/api/uploads", data=form, headers=headers) as reply:
        assert (reply.status, (await reply.json())["error"]["value"]) == (415, "??.wav")


async def test_a_client_that_leaves_or_packs_wrongly_is_no_error_of_ours(
    front: Listening, client: ClientSession, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = {"Content-Encoding": "gzip"}  # of a body that nobody asked for and nobody reads
    async with client.get("/health", headers=packed, data=b"no gzip") as reply:
        assert reply.status == 200

    left = asyncio.Event()

    async def refuse(*_: object) -> None:
        left.set()
        raise ClientConnectionResetError("Cannot write to closing transport")  # aiohttp's words

    monkeypatch.setattr(StreamResponse, "write", refuse)
    with suppress(ClientError):
        async with ClientSession() as other, other.get(f"{front.url}/api/events") as reply:
            await reply.read()
    await left.wait()
    await front.close()  # every request is over
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_body_of_a_million_values_is_refused_before_they_are_read() -> None:
    with pytest.raises(InputError) as caught:
        read_json(b"[" + b"0," * (MOST_VALUES + 1))  # what is read of it would be no JSON
    assert (caught.value.status, caught.value.value) == (413, MOST_VALUES + 1)
