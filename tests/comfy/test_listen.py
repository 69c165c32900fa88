"""The socket: it stands when it was greeted with our id, not before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from devserver.comfy.client import Client
from devserver.comfy.errors import Unreachable
from devserver.comfy.follow import Follower
from devserver.comfy.messages import read_message
from devserver.comfy.prompt import Progress
from schemas.json_values import JsonObject
from tests.comfy.backend import GRAPH, Backend, take_up
from tests.patience import PATIENCE_S

GREETING = {"status": {"exec_info": {"queue_remaining": 0}}}


@pytest.fixture
async def silent(backend: Backend, client: Client) -> AsyncIterator[Follower]:
    """A follower whose socket is open and was not greeted."""
    backend.greets = False
    follower = Follower(client, "ours")
    starting = asyncio.create_task(follower.start())
    await backend.until(lambda: backend.connections == 1)
    yield follower
    starting.cancel()
    await follower.close()


async def test_a_socket_stands_once_a_status_has_named_our_id(backend: Backend, silent: Follower) -> None:
    watch = silent.watch("p", GRAPH)
    silent.enter(watch)
    await backend.tell("status", **GREETING)
    await backend.tell("status", **GREETING, sid="ours-and-another")
    await backend.tell("executing", node="1", sid="ours", prompt_id="p")
    async with asyncio.timeout(PATIENCE_S):
        while not watch.running:  # noqa: ASYNC110 - so all of this was heard
            await asyncio.sleep(0)
        assert not silent.connected
        await backend.tell("status", **GREETING, sid="ours")
        while not silent.connected:
            await silent.wait_for_socket()
    silent.leave(watch)


async def test_what_is_heard_before_the_greeting_is_heard(backend: Backend, silent: Follower) -> None:
    watch = silent.watch("p", GRAPH)
    silent.enter(watch)
    await backend.tell("execution_start", prompt_id="p")
    await backend.tell("executed", node="2", output={}, prompt_id="p")
    backend.finish("p")
    await backend.tell("executing", node=None, prompt_id="p")
    heard: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        assert (await watch.wait_for_outcome(lambda event: heard.append(event.kind))).state == "success"
    assert heard == ["progress", "progress"]
    silent.leave(watch)


async def test_who_is_given_up_stops_waiting(backend: Backend, client: Client, follower: Follower) -> None:
    async with asyncio.timeout(PATIENCE_S), follower.watch("p", GRAPH) as watch:
        await client.submit(GRAPH, "p", "ours")
        waiting = asyncio.create_task(watch.wait_for_outcome())
        await backend.until_asked()
        follower.give_up("it was switched off")
        with pytest.raises(Unreachable, match="it was switched off"):
            await waiting


async def test_each_question_without_an_answer_is_told(backend: Backend, client: Client) -> None:
    troubles: list[bool] = []
    follower = Follower(
        client, "ours", patience_seconds=0.1, poll_seconds=0.02, on_trouble=lambda: troubles.append(True)
    )
    await backend.stop()
    with pytest.raises(Unreachable):
        await take_up(follower, "p")
    assert len(troubles) > 1


@pytest.mark.parametrize("marker", [12345, 12346, 12347])
def test_swarmuis_markers_are_no_progress(marker: int) -> None:
    progress = Progress(GRAPH)
    state: JsonObject = {"node_id": "2", "state": "running", "value": marker, "max": marker}
    assert list(progress.read(read_message("progress", {"node": "2", "value": marker, "max": marker}))) == []
    assert list(progress.read(read_message("progress_state", {"nodes": {"2": state}}))) == []
    step = read_message("progress", {"node": "2", "value": 1, "max": 2})
    assert [event.kind for event in progress.read(step)] == ["progress"]


async def test_messages_that_cannot_be_read_are_passed_over_and_logged_once(
    backend: Backend, client: Client, follower: Follower, caplog: pytest.LogCaptureFixture
) -> None:
    """Nested too deeply, no JSON, or of a shape that no ComfyUI sends: what comes after them is heard."""
    async with asyncio.timeout(60), follower.watch("p", GRAPH) as watch:
        await client.submit(GRAPH, "p", "ours")
        (socket,) = backend.sockets
        for _ in range(200):
            await socket.send_str('{"a":' * 20_000)
            await socket.send_str("{no json")
            await socket.send_bytes(b"\0\0\0\4\0\0\0\4{{{{")
            await backend.tell("progress_state", prompt_id="p", nodes=5)
        await backend.end("p")
        heard: list[str] = []
        assert (await watch.wait_for_outcome(lambda event: heard.append(event.kind))).state == "success"
    assert heard == ["progress", "progress"]
    assert follower.connections == 1
    assert len([record for record in caplog.records if "are ignored" in record.message]) == 1
