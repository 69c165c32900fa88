"""Following: whatever the socket does, the outcome is the one that the history tells, and it always comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from devserver.comfy.client import Client
from devserver.comfy.errors import PromptFailed, PromptLost, Unreachable
from devserver.comfy.follow import Follower
from devserver.comfy.messages import PieceMade, read_message
from devserver.comfy.prompt import NodeStarted, Outcome, Progress, ProgressUpdate, PromptEvent
from schemas.json_values import JsonObject
from tests.comfy.backend import GRAPH, Backend, Run, sound, take_up
from tests.patience import PATIENCE_S


def kinds(heard: list[PromptEvent]) -> list[str]:
    return [event.kind for event in heard]


async def test_a_run_is_told_from_its_start_to_its_file(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        await backend.tell("execution_cached", nodes=[], prompt_id=prompt_id)
        await backend.tell("executing", node="1", display_node="1", prompt_id=prompt_id)
        await backend.tell("progress", value=1, max=2, node="1", prompt_id=prompt_id)
        await backend.tell("executing", node="2", display_node="2", prompt_id=prompt_id)
        await backend.tell("tonewright.partial", node="2", index=0, file=sound("part.mp3"), prompt_id=prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, heard = await run()
    assert outcome == Outcome("success", {"2": {"audio": [sound()]}})
    assert kinds(heard) == ["node", "progress", "node", "progress", "partial", "progress"]
    assert [event.fraction for event in heard if event.kind == "progress"] == [0.25, 0.5, 1.0]
    assert heard[0] == NodeStarted("1", "EmptyAudio")
    assert heard[4] == PieceMade("p", "2", 0, sound("part.mp3"))
    assert backend.first_frames[0] == {"type": "feature_flags", "data": {"supports_preview_metadata": True}}


async def test_success_is_not_believed_before_the_history_has_it(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        await backend.tell("execution_success", prompt_id=prompt_id)
        await backend.tell("executing", node=None, prompt_id=prompt_id)
        backend.running.clear()
        for _ in range(3):  # the history is asked in vain
            await backend.until_asked()
        backend.finish(prompt_id)

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "success"
    assert outcome.outputs == {"2": {"audio": [sound()]}}


async def test_a_socket_that_drops_in_mid_run_costs_nothing(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        connections = backend.connections
        await backend.drop_sockets()
        await backend.until(lambda: backend.connections == connections + 1)
        await backend.until_asked()
        await backend.tell("executing", node="2", prompt_id=prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, heard = await run()
    assert outcome.state == "success"
    assert kinds(heard) == ["node", "progress", "progress"]


async def test_a_run_that_ends_while_the_socket_is_down_is_found(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.drop_sockets()
        backend.finish(prompt_id)

    backend.on_prompt = script
    outcome, heard = await run()
    assert outcome.state == "success"
    assert heard[-1] == ProgressUpdate(1.0, None, None, None, None)


async def test_what_was_missed_is_asked_for_as_soon_as_the_socket_stands_again(
    backend: Backend, client: Client
) -> None:
    follower = Follower(client, "ours", poll_seconds=3600)
    await follower.start()

    async def script(prompt_id: str) -> None:
        await backend.drop_sockets()
        backend.finish(prompt_id)

    backend.on_prompt = script
    async with asyncio.timeout(PATIENCE_S), follower.watch("p") as watch:
        await client.submit(GRAPH, "p", "ours")
        assert (await watch.wait_for_outcome()).state == "success"
    await follower.close()


async def test_without_any_socket_a_prompt_is_followed_by_asking(backend: Backend) -> None:
    async with Client(f"http://127.0.0.1:{backend.port}/elsewhere") as no_socket_here:
        follower = Follower(no_socket_here, "ours", poll_seconds=0.02)
        await follower.start()
        assert not follower.connected
        for path in ("/history/p", "/queue"):
            backend.answers["GET", f"/elsewhere{path}"] = history_of_one(path)
        assert (await take_up(follower, "p")).outputs == {"2": {"audio": [sound()]}}
        await follower.close()


def history_of_one(path: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    answers = iter([{}, {"p": {"outputs": {"2": {"audio": [sound()]}}, "status": {"status_str": "success"}}}])

    async def answer(_request: web.Request) -> web.Response:
        if path == "/queue":
            return web.json_response({"queue_running": [[0, "p"]], "queue_pending": []})
        return web.json_response(next(answers))

    return answer


async def test_a_deaf_socket_is_noticed_and_opened_anew(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        deaf, backend.sockets = backend.sockets, set()
        await backend.until(lambda: backend.connections == 2)
        assert deaf
        await backend.until_asked()
        await backend.tell("executing", node="2", prompt_id=prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, heard = await run()
    assert outcome.state == "success"
    assert "node" in kinds(heard)


async def test_a_prompt_that_somebody_deleted_is_lost(backend: Backend, run: Run) -> None:
    backend.running.append("somebody's")

    async def script(prompt_id: str) -> None:
        backend.pending.remove(prompt_id)

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "lost"
    with pytest.raises(PromptLost, match="neither in its queue nor in its history"):
        outcome.raise_for_state()


async def test_a_prompt_that_ends_between_two_questions_is_not_lost(backend: Backend, follower: Follower) -> None:
    backend.running.append("p")

    async def end_then_answer(_request: web.Request) -> web.Response:
        backend.finish("p")
        return web.json_response({"queue_running": [], "queue_pending": []})

    backend.answers["GET", "/queue"] = end_then_answer
    assert (await take_up(follower, "p")).state == "success"


async def test_a_backend_that_comes_back_empty_has_lost_the_prompt(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        asyncio.get_running_loop().create_task(restart())

    async def restart() -> None:
        await backend.stop()
        backend.running.clear()
        await backend.start()

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "lost"
    await backend.until(lambda: backend.connections == 2)


async def test_a_backend_that_stays_away_is_given_up(backend: Backend, client: Client) -> None:
    follower = Follower(client, "ours", poll_seconds=0.02, patience_seconds=0.2)
    await follower.start()
    async with follower.watch("p") as watch:
        await client.submit(GRAPH, "p", "ours")
        await backend.stop()
        with pytest.raises(Unreachable, match=r"no answer for 0\.2 s"):
            await watch.wait_for_outcome()
    await follower.close()


async def test_events_that_come_twice_are_told_once(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        for _ in range(2):
            await backend.tell("execution_start", prompt_id=prompt_id)
            await backend.tell("execution_cached", nodes=["1"], prompt_id=prompt_id)
            await backend.tell("executing", node="2", prompt_id=prompt_id)
            await backend.tell("progress", value=1, max=4, node="2", prompt_id=prompt_id)
            await backend.tell("executed", node="2", output={"audio": [sound()]}, prompt_id=prompt_id)
        await backend.tell("progress", value=2, max=4, node="2", prompt_id=prompt_id)
        await backend.end(prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, heard = await run()
    assert outcome.state == "success"
    assert kinds(heard) == ["progress", "node", "progress", "progress"]
    fractions = [event.fraction for event in heard if event.kind == "progress"]
    assert fractions == sorted(fractions)


async def test_a_message_of_five_megabytes_is_heard(backend: Backend, run: Run, follower: Follower) -> None:
    follower.poll_seconds = 3600  # on a busy machine the history would be sooner than so long a message
    text = "x" * (5 * 1024 * 1024)

    async def script(prompt_id: str) -> None:
        await backend.tell("executed", node="2", output={"text": [text]}, prompt_id=prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    _, heard = await run()
    assert heard[0] == ProgressUpdate(0.5, None, None, None, None)
    assert backend.connections == 1


async def test_a_run_in_silence_is_waited_for(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        for _ in range(10):
            await backend.until_asked()
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "success"


async def test_a_failed_graph_is_failed_even_where_outputs_are_listed(backend: Backend, run: Run) -> None:
    failure = {
        "node_id": "1",
        "node_type": "KSampler",
        "exception_type": "torch.OutOfMemoryError",
        "exception_message": "Allocation on device 0 would exceed allowed memory.\n",
        "traceback": ["File /secret"],
    }

    async def script(prompt_id: str) -> None:
        await backend.tell("execution_error", prompt_id=prompt_id, **failure)
        backend.finish(prompt_id, None, [["execution_start", {}], ["execution_error", failure]], status="error")
        await backend.tell("executing", node=None, prompt_id=prompt_id)

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "error"
    assert outcome.outputs == {"2": {"audio": [sound()]}}
    with pytest.raises(PromptFailed) as caught:
        outcome.raise_for_state()
    assert caught.value.failure.out_of_memory
    assert str(caught.value) == (
        "node 1 (KSampler): out of memory: Allocation on device 0 would exceed allowed memory."
    )


async def test_previews_go_to_the_prompt_that_they_show(backend: Backend, client: Client, follower: Follower) -> None:
    seen: dict[str, list[Any]] = {"a": [], "b": []}

    async def follow(prompt_id: str) -> None:
        async with follower.watch(prompt_id, GRAPH) as watch:
            await client.submit(GRAPH, prompt_id, "ours")
            await watch.wait_for_outcome(lambda event: seen[prompt_id].append(getattr(event, "image", None)))

    both = [asyncio.create_task(follow(prompt_id)) for prompt_id in ("a", "b")]
    await backend.until(lambda: len(backend.submitted) == 2)
    await backend.show(None, b"nobody's")
    await backend.tell("execution_start", prompt_id="a")
    await backend.show(None, b"a, since only a runs")
    await backend.show("b", b"b's")
    await backend.tell("execution_start", prompt_id="b")
    await backend.show(None, b"whose?")
    await backend.end("a")
    await backend.end("b")
    await asyncio.gather(*both)
    assert [image for image in seen["a"] if image] == [b"a, since only a runs"]
    assert [image for image in seen["b"] if image] == [b"b's"]


async def test_what_happens_to_other_prompts_is_not_ours(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("progress", value=1, max=2, node="1", prompt_id="somebody's")
        await backend.tell("executing", node="2")
        await backend.tell("execution_error", prompt_id="somebody's", exception_message="no")
        await backend.show("somebody's", b"image")
        await backend.end(prompt_id)

    backend.on_prompt = script
    _, heard = await run()
    assert kinds(heard) == ["progress", "progress"]


async def test_a_prompt_of_an_earlier_process_is_taken_up(backend: Backend, follower: Follower) -> None:
    backend.finish("done")
    assert (await take_up(follower, "done")).state == "success"
    backend.running.append("runs")
    later = asyncio.create_task(take_up(follower, "runs"))
    await backend.until_asked()
    await backend.end("runs")
    assert (await later).state == "success"
    assert (await take_up(follower, "never heard of")).state == "lost"


async def test_what_a_listener_raises_ends_the_wait(backend: Backend, client: Client, follower: Follower) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("executing", node="2", prompt_id=prompt_id)

    def fail(_event: PromptEvent) -> None:
        raise RuntimeError("the journal is full")

    backend.on_prompt = script
    async with follower.watch("p") as watch:
        await client.submit(GRAPH, "p", "ours")
        with pytest.raises(RuntimeError, match="the journal is full"):
            await watch.wait_for_outcome(fail)


async def test_frames_that_make_no_sense_are_passed_over(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        for socket in backend.sockets:
            await socket.send_str("no json")
            await socket.send_str(json.dumps(["a", "list"]))
            await socket.send_str(json.dumps({"type": "progress", "data": None}))
            await socket.send_bytes(b"\0")
            await socket.send_bytes(b"\0\0\0\x04\0\0\0\x05{oops")
        await backend.tell("progress_state", nodes={"1": None}, prompt_id=prompt_id)
        await backend.tell("progress", value="a", max=0, node="1", prompt_id=prompt_id)
        await backend.end(prompt_id)

    backend.on_prompt = script
    outcome, _ = await run()
    assert outcome.state == "success"
    assert backend.connections == 1


async def test_twenty_prompts_at_once_get_their_own_files(backend: Backend, run: Run) -> None:
    async def script(prompt_id: str) -> None:
        await backend.tell("execution_start", prompt_id=prompt_id)
        backend.finish(prompt_id, {"2": {"audio": [sound(f"{prompt_id}.mp3")]}})
        await backend.tell("executing", node=None, prompt_id=prompt_id)

    backend.on_prompt = script
    results = await asyncio.gather(*(run(f"p{n}") for n in range(20)))
    assert [outcome.outputs for outcome, _ in results] == [{"2": {"audio": [sound(f"p{n}.mp3")]}} for n in range(20)]


def test_progress_never_goes_back_even_where_the_graph_is_not_known() -> None:
    progress = Progress()
    more: JsonObject = {node: {"node_id": node, "value": 0.0, "max": 1.0, "state": "running"} for node in "bcd"}
    messages: list[tuple[str, JsonObject]] = [
        ("progress", {"node": "a", "value": 9, "max": 10}),
        ("progress_state", {"nodes": more}),
        ("executing", {"node": "b"}),
        ("executing", {"node": "c"}),
    ]
    heard = [event for kind, data in messages for event in progress.read(read_message(kind, data))] + list(
        progress.finish()
    )
    told = [event.fraction for event in heard if event.kind == "progress"]
    assert told == sorted(set(told))
    assert told[-1] == 1.0
