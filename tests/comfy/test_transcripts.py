"""Conversations with a real ComfyUI, played again to our client: every event it sent, every history it kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.comfy.client import Client
from devserver.comfy.collect import collect, files_of
from devserver.comfy.errors import OutputMissing
from devserver.comfy.follow import Follower
from devserver.comfy.messages import PreviewSeen
from devserver.comfy.prompt import Outcome, PromptEvent, parse_outcome
from schemas.graph import Graph
from tests.comfy.backend import Backend, take_up, transcript


@pytest.fixture
async def follower(client: Client) -> AsyncIterator[Follower]:
    follower = Follower(client, "ours", poll_seconds=0.05)
    await follower.start()
    yield follower
    await follower.close()


def ids_in(events: list[dict[str, Any]]) -> list[str]:
    found = [event["data"]["prompt_id"] for event in events if "prompt_id" in event.get("data", {})]
    return list(dict.fromkeys(found))


async def play(backend: Backend, events: list[dict[str, Any]], entries: dict[str, Any]) -> None:
    """Send recorded messages; the history has a prompt's entry when the prompt's last message goes out."""
    for event in events:
        if event.get("binary"):
            await backend.show_with(event.get("metadata"), b"\xff\xd8 an image")
            continue
        data = event["data"]
        prompt_id = data.get("prompt_id")
        if event["type"] == "executing" and data["node"] is None and prompt_id in entries:
            backend.finish(prompt_id)
            backend.history[prompt_id] = entries[prompt_id]
        await backend.tell(event["type"], **data)


async def replay(
    backend: Backend, follower: Follower, graph: dict[str, Any], events: list[dict[str, Any]], entries: dict[str, Any]
) -> dict[str, tuple[Outcome, list[PromptEvent]]]:
    """Follow every prompt of a recording under the ids that it had; outcome and events by id."""
    results: dict[str, tuple[Outcome, list[PromptEvent]]] = {}

    async def follow(prompt_id: str) -> None:
        heard: list[PromptEvent] = []
        async with follower.watch(prompt_id, graph) as watch:
            await follower.client.submit(graph, prompt_id, follower.client_id)
            results[prompt_id] = (await watch.wait_for_outcome(heard.append), heard)

    ids = ids_in(events)
    followed = asyncio.gather(*(follow(prompt_id) for prompt_id in ids))
    await backend.until(lambda: len(backend.submitted) == len(ids))
    await play(backend, events, entries)
    await followed
    return results


def fractions(heard: list[PromptEvent]) -> list[float]:
    return [event.fraction for event in heard if event.kind == "progress"]


async def test_a_first_run_and_the_same_again(backend: Backend, follower: Follower) -> None:
    recorded = transcript("01")
    graph = recorded["submit"]["request"]["json"]["prompt"]
    for part, cached in ((recorded, False), (recorded["same_again"], True)):
        results = await replay(backend, follower, graph, part["ws"], part["history"]["body"])
        ((outcome, heard),) = results.values()
        assert outcome.state == "success"
        assert outcome.cached is cached
        assert [file.path for file in files_of(outcome.outputs)] == ["audio/ComfyUI_00001_.mp3"]
        assert fractions(heard)[-1] == 1.0


@pytest.mark.parametrize(
    ("name", "cached"), [("first", False), ("same_again", True), ("other_seed", False), ("30s_20steps", False)]
)
async def test_ace_step_from_its_loader_to_its_mp3(
    backend: Backend, follower: Follower, name: str, cached: bool
) -> None:
    recorded = transcript("12")[name]
    (prompt_id,) = ids_in(recorded["ws"])
    entry = {"outputs": recorded["outputs"], "status": recorded["status"]}
    results = await replay(backend, follower, recorded["graph"], recorded["ws"], {prompt_id: entry})
    outcome, heard = results[prompt_id]
    assert (outcome.state, outcome.cached) == ("success", cached)
    assert fractions(heard) == sorted(set(fractions(heard)))
    assert fractions(heard)[-1] == 1.0
    classes = [event.class_type for event in heard if event.kind == "node"]
    assert cached or classes[-3:] == ["KSampler", "VAEDecodeAudio", "SaveAudioMP3"]


async def test_a_sampler_of_twenty_steps_is_one_node_of_ten(backend: Backend, follower: Follower) -> None:
    recorded = transcript("12")["30s_20steps"]
    (prompt_id,) = ids_in(recorded["ws"])
    entry = {"outputs": recorded["outputs"], "status": recorded["status"]}
    _, heard = (await replay(backend, follower, recorded["graph"], recorded["ws"], {prompt_id: entry}))[prompt_id]
    steps = [event for event in heard if event.kind == "progress" and event.max == 20]
    assert [step.class_type for step in steps] == ["KSampler"] * 20
    assert steps[-1].fraction - steps[0].fraction < 0.1
    # The decoder, which says nothing for seconds, is not passed over as done.
    assert steps[-1].fraction < 0.85


async def test_a_node_that_fails(backend: Backend, follower: Follower) -> None:
    recorded = transcript("05")["runtime_error"]
    entries = recorded["history"]["body"]
    (prompt_id,) = entries
    outcome, heard = (await replay(backend, follower, entries[prompt_id]["prompt"][2], recorded["ws"], entries))[
        prompt_id
    ]
    assert outcome.state == "error"
    assert outcome.error is not None
    assert str(outcome.error) == "node 2 (ProbeSlow): probe failure at step 2"
    assert outcome.error.exception_type == "RuntimeError"
    assert not outcome.error.out_of_memory
    # Previews of the old form: no other prompt of ours runs, so they are its own.
    assert len([event for event in heard if event.kind == "preview"]) == 2


async def test_an_interrupted_prompt_and_the_one_behind_it(backend: Backend, follower: Follower) -> None:
    recorded = transcript("05")["interrupt"]
    first, second = ids_in(recorded["ws"])
    entry = next(step["body"][first] for step in recorded["steps"] if first in str(step.get("body")))
    graph = entry["prompt"][2]
    results = await replay(backend, follower, graph, recorded["ws"], {first: entry, second: entry})
    assert results[first][0].state == "interrupted"
    assert results[second][0].state == "interrupted"
    assert len([event for event in results[first][1] if event.kind == "preview"]) == 8
    assert not [event for event in results[second][1] if event.kind == "preview"]


async def test_previews_that_name_their_prompt(backend: Backend, follower: Follower) -> None:
    events = transcript("05")["previews_supports_preview_metadata"]
    (prompt_id,) = ids_in(events)
    outputs = next(event["data"]["output"] for event in events if event.get("type") == "executed")
    entry = {"outputs": {"3": outputs}, "status": {"status_str": "success", "messages": []}}
    _, heard = (await replay(backend, follower, {}, events, {prompt_id: entry}))[prompt_id]
    previews = [event for event in heard if event.kind == "preview"]
    assert previews == [PreviewSeen(prompt_id, "2", "image/jpeg", b"\xff\xd8 an image")] * 4


async def test_a_reconnection_in_mid_run(backend: Backend, follower: Follower) -> None:
    recorded = transcript("06")["reconnect_same_id_mid_run"]
    (prompt_id,) = ids_in(recorded["first"])
    graph: Graph = {
        node: {"class_type": name, "inputs": {}} for node, name in (("1", "Tone"), ("2", "Slow"), ("3", "SaveAudioMP3"))
    }
    heard: list[PromptEvent] = []
    async with follower.watch(prompt_id, graph) as watch:
        await follower.client.submit({}, prompt_id, "ours")
        outcome = asyncio.create_task(watch.wait_for_outcome(heard.append))
        await play(backend, recorded["first"], {})
        await backend.drop_sockets()
        await backend.until(lambda: backend.connections == 2)
        await backend.until_asked()
        entry = {"outputs": {"3": {"audio": []}}, "status": {"status_str": "success"}}
        await play(backend, recorded["second"], {prompt_id: entry})
        assert (await outcome).state == "success"
    assert [event.node for event in heard if event.kind == "node"] == ["1", "2", "3"]
    steps = [event.value for event in heard if event.kind == "progress" and event.max == 10]
    assert steps == [1, 2, 3, 7, 8, 9, 10]
    assert fractions(heard) == sorted(set(fractions(heard)))


async def test_a_cached_answer_whose_file_is_gone(
    backend: Backend, client: Client, follower: Follower, tmp_path: Path
) -> None:
    recorded = transcript("06")["cached_rerun_after_delete"]
    backend.history["p"] = {"outputs": recorded["second_outputs"], "status": recorded["second_status"]}
    outcome = await take_up(follower, "p")
    assert (outcome.state, outcome.cached) == ("success", True)
    (file,) = files_of(outcome.outputs)
    with pytest.raises(OutputMissing, match=r"audio/cached_00001_\.mp3"):
        await collect(client, file, tmp_path / "a.mp3.part")


def entries(recording: Any) -> Iterator[dict[str, Any]]:
    """Every object in a recording that has outputs and a status, as a history entry has."""
    if isinstance(recording, dict):
        if isinstance(recording.get("outputs"), dict) and "status_str" in recording.get("status", {}):
            yield recording
        for value in recording.values():
            yield from entries(value)
    elif isinstance(recording, list):
        for value in recording:
            yield from entries(value)


@pytest.mark.parametrize("name", ["01", "02", "04", "05", "06", "12", "15"])
def test_every_recorded_history_has_one_outcome(name: str) -> None:
    recorded = list(entries(transcript(name)))
    assert recorded
    for entry in recorded:
        outcome = parse_outcome(entry)
        last = entry["status"]["messages"][-1][0]
        expected = {
            "execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted",
        }[last]  # fmt: skip
        assert outcome.state == expected
        assert (outcome.error is not None) == (expected == "error")
        # The recordings' only word on memory is an encoder's, about a sound of no length.
        assert outcome.error is None or not outcome.error.out_of_memory


def test_every_result_key_gives_its_files() -> None:
    recorded = {name: value["outputs"] for name, value in transcript("04").items() if value.get("outputs")}
    found = {name: [file.path for file in files_of(outputs)] for name, outputs in recorded.items()}
    assert len(found) > 20
    assert all(found.values())
    assert found["SaveImage_batch3"] == ["img/b_0_00001_.png", "img/b_1_00002_.png", "img/b_2_00003_.png"]
    assert found["CreateVideo_SaveVideo"] == ["video/ComfyUI_00001_.mp4"]
    assert found["EmptyLatentAudio_SaveLatent"] == ["lat/a_00001_.latent"]
    assert found["PreviewAudio_temp"] == ["ComfyUI_temp_nkmhp_00003_.flac"]
    assert found["unicode_space_prefix"] == ["runs/é ü/日本 x_00001_.mp3"]
