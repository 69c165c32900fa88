"""The client: what it sends, and what it makes of answers that are not what was asked for."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from devserver.comfy.client import Client
from devserver.comfy.errors import BackendError, OutputMissing, Refused, Unreachable, parse_refusal
from devserver.comfy.files import RemoteFile
from schemas.graph import Graph
from tests.comfy.backend import Backend, transcript

GRAPH: Graph = {"2": {"class_type": "SaveAudioMP3", "inputs": {}}}
FILE = RemoteFile("2", "audio", "a_00001_.mp3", "runs/r1")


async def test_a_prompt_is_sent_under_our_id_and_never_with_a_number(backend: Backend, client: Client) -> None:
    await client.submit(GRAPH, "our-id", "our-client", {"extra_pnginfo": {"workflow": {}}})
    assert backend.submitted == [
        {
            "prompt": GRAPH,
            "prompt_id": "our-id",
            "client_id": "our-client",
            "extra_data": {"extra_pnginfo": {"workflow": {}}},
        }
    ]


async def test_a_base_url_with_a_path_and_headers_reaches_everything_below_it() -> None:
    backend = Backend(prefix="/ComfyBackendDirect")
    await backend.start()
    async with Client(backend.url + "/", {"X-Session": "s1"}) as client:
        assert client.websocket_url == f"ws://127.0.0.1:{backend.port}/ComfyBackendDirect/ws"
        await client.submit(GRAPH, "p", "c")
        assert (await client.queue()).running == ("p",)
    assert {request.headers["X-Session"] for request in backend.requests} == {"s1"}
    await backend.stop()


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (502, "<html><h1>502 Bad Gateway</h1></html>", "text/html"),
        (500, "500 Internal Server Error\n\nServer got itself in trouble", "text/plain"),
        (200, "<html>Please log in</html>", "text/html"),
        (302, "", "text/html"),
    ],
)
async def test_an_answer_that_is_no_json_is_quoted(
    backend: Backend, client: Client, status: int, text: str, kind: str
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        headers = {"Location": "/login"} if status == 302 else {}
        return web.Response(status=status, text=text, content_type=kind, headers=headers)

    backend.answers["GET", "/queue"] = answer
    backend.answers["POST", "/prompt"] = answer
    for call in (client.queue(), client.submit(GRAPH, "p", "c")):
        with pytest.raises(BackendError) as caught:
            await call
        assert caught.value.status == status
        assert f"answered {status}" in str(caught.value)
        assert " ".join(re.sub("<.*?>", " ", text).split()) in str(caught.value)
        assert "<" not in str(caught.value)
        assert not isinstance(caught.value, Refused)


async def test_nothing_that_listens_is_unreachable(backend: Backend, client: Client) -> None:
    await backend.stop()
    with pytest.raises(Unreachable, match=rf"GET http://127\.0\.0\.1:{backend.port}/queue: no answer"):
        await client.queue()


async def test_a_lost_answer_is_no_lost_prompt(backend: Backend, client: Client) -> None:
    async def take_and_hang_up(request: web.Request) -> web.Response:
        backend.running.append((await request.json())["prompt_id"])
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    backend.answers["POST", "/prompt"] = take_and_hang_up
    await client.submit(GRAPH, "p", "c")
    assert backend.running == ["p"]


async def test_a_connection_that_breaks_before_the_prompt_arrived_is_unreachable(
    backend: Backend, client: Client
) -> None:
    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    backend.answers["POST", "/prompt"] = hang_up
    with pytest.raises(Unreachable):
        await client.submit(GRAPH, "p", "c")


async def test_who_is_cancelled_while_submitting_finds_the_prompt_in_the_queue(
    backend: Backend, client: Client
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def take_slowly(_request: web.Request) -> web.Response:
        asked.set()
        await go_on.wait()
        backend.running.append("p")
        return web.json_response({"prompt_id": "p", "number": 0, "node_errors": {}})

    backend.answers["POST", "/prompt"] = take_slowly
    submitting = asyncio.create_task(client.submit(GRAPH, "p", "c"))
    await asked.wait()
    submitting.cancel()
    asyncio.get_running_loop().call_later(0.02, go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await submitting
    assert (await client.queue()).running == ("p",)


async def test_half_a_graph_is_refused_and_taken_back(backend: Backend, client: Client) -> None:
    body = transcript("02")["partial_failure_one_of_two_outputs_valid"]["body"]

    async def answer(_request: web.Request) -> web.Response:
        backend.pending.append("p")
        return web.json_response({**body, "prompt_id": "p"})

    backend.answers["POST", "/prompt"] = answer
    with pytest.raises(Refused, match="a part of the graph is not valid"):
        await client.submit(GRAPH, "p", "c")
    assert backend.pending == []


async def test_a_backend_that_gives_ids_of_its_own_is_not_used(backend: Backend, client: Client) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"prompt_id": "its-own", "number": 1, "node_errors": {}})

    backend.answers["POST", "/prompt"] = answer
    with pytest.raises(BackendError, match="its-own"):
        await client.submit(GRAPH, "p", "c")
    assert ("/queue", {"delete": ["its-own"]}) in backend.commands


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("combo_value_not_in_list", "node 2 (SaveAudioMP3): input 'quality' is '999k', allowed: V0, 128k, 320k"),
        ("int_bigger_than_max", "node 1 (EmptyAudio): input 'channels' is 9, allowed: at most 2"),
        ("float_smaller_than_min", "node 1 (EmptyAudio): input 'duration' is -1.0, allowed: at least 0.0"),
        ("float_not_convertible", "node 1 (EmptyAudio): input 'duration' is 'abc', allowed: a value of type FLOAT"),
        ("missing_required_link", "node 2 (SaveAudioMP3): required input 'audio' is missing"),
        ("missing_node_type", "Cannot execute because node NoSuchNode does not exist: Node ID '#1'"),
        ("return_type_mismatch", "node 2 (SaveAudioMP3): input 'audio': Return type mismatch between linked nodes"),
        ("LoadAudio_missing_file", "node 1 (LoadAudio): input 'audio': Custom validation failed for node"),
        ("cycle", "a cycle among its links does that"),
        ("empty_prompt_object", "Prompt has no outputs"),
        ("no_prompt_key", "No prompt provided"),
    ],
)
def test_a_recorded_refusal_is_told_in_plain_words(name: str, words: str) -> None:
    recorded = transcript("02")[name]
    error = parse_refusal(recorded["body"], recorded["status"])
    assert words in str(error)
    assert "traceback" not in str(error).lower()
    assert error.type == recorded["body"]["error"]["type"]


def test_every_recorded_refusal_can_be_told() -> None:
    for recordings in (transcript("02"), transcript("15")):
        for name, recorded in recordings.items():
            answer = recorded.get("submit", recorded) if isinstance(recorded, dict) else {}
            if answer.get("status") == 400:
                assert len(str(parse_refusal(answer["body"], 400))) > 40, name


def test_a_model_that_is_missing_is_told_with_those_that_are_there() -> None:
    recorded = transcript("15")["ckpt_not_installed"]["submit"]
    assert "'nope.safetensors', allowed: ace_step_v1_3.5b.safetensors, sparse_ace.safetensors" in str(
        parse_refusal(recorded["body"], 400)
    )


async def test_the_queue_is_in_the_order_in_which_it_will_run(backend: Backend, client: Client) -> None:
    async def heap(_request: web.Request) -> web.Response:
        return web.json_response({"queue_running": [[1, "a"]], "queue_pending": [[5, "d"], [-3, "b"], [2, "c"]]})

    backend.answers["GET", "/queue"] = heap
    queue = await client.queue()
    assert queue.running == ("a",)
    assert queue.pending == ("b", "c", "d")
    assert "c" in queue
    assert "e" not in queue


async def test_an_answer_of_many_megabytes_is_read(backend: Backend, client: Client) -> None:
    classes = {f"Node{n}": {"input": {"required": {"text": ["x" * 1000]}}} for n in range(6000)}

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(classes)

    backend.answers["GET", "/object_info"] = answer
    assert await client.object_info() == classes


async def test_a_file_is_downloaded_whole(backend: Backend, client: Client, tmp_path: Path) -> None:
    backend.files["runs/r1/a_00001_.mp3"] = bytes(range(256)) * 20000
    await client.fetch(FILE, tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == bytes(range(256)) * 20000
    assert await client.size(FILE) == 256 * 20000


async def test_a_file_that_is_gone_is_named(client: Client, tmp_path: Path) -> None:
    for call in (client.fetch(FILE, tmp_path / "a.part"), client.size(FILE)):
        with pytest.raises(OutputMissing, match=r"runs/r1/a_00001_\.mp3"):
            await call


async def test_a_download_that_breaks_is_no_file(backend: Backend, client: Client, tmp_path: Path) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"x" * 500)
        assert request.transport is not None
        request.transport.close()
        return response

    backend.answers["GET", "/view"] = break_off
    with pytest.raises(Unreachable):
        await client.fetch(FILE, tmp_path / "a.part")


async def test_an_upload_tells_the_name_for_a_loader_node(backend: Backend, client: Client, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    async def store(request: web.Request) -> web.Response:
        form = await request.post()
        seen.update(form, content=form["image"].file.read())  # type: ignore[union-attr]
        return web.json_response({"name": "abc (1).wav", "subfolder": "tonewright", "type": "input"})

    backend.answers["POST", "/upload/image"] = store
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF")
    assert await client.upload(path, "abc.wav", "tonewright") == "tonewright/abc (1).wav"
    assert (seen["image"].filename, seen["subfolder"], seen["type"]) == ("abc.wav", "tonewright", "input")
    assert seen["content"] == b"RIFF"


async def test_a_request_during_or_after_the_close_finds_no_backend(client: Client) -> None:
    """A take may still ask for its prompt while the backend that it was at is replaced."""
    await client.queue()
    closing = asyncio.create_task(client.close())
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(Unreachable, match="was closed"):
            await client.queue()
        await closing
