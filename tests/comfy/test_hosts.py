"""The client against hosts that speak the protocol for real: ours, and a ComfyUI where COMFYUI_URL names one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devserver.comfy.cancel import cancel
from devserver.comfy.client import Client
from devserver.comfy.collect import collect, files_of
from devserver.comfy.errors import Refused
from devserver.comfy.follow import Follower
from devserver.comfy.prompt import Outcome, PromptEvent

COMFYUI_URL = os.environ.get("COMFYUI_URL")
# Long enough that a prompt is still at work when it is cancelled.
LONG_SECONDS = 600.0


@pytest.fixture(scope="module", params=["host", *(["comfyui"] if COMFYUI_URL else [])])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "comfyui":
        assert COMFYUI_URL is not None
        yield COMFYUI_URL
        return
    command = [sys.executable, "-m", "devserver.host", "--base", str(tmp_path_factory.mktemp("host"))]
    root = Path(__file__).parents[2]
    # Leaving the block closes its stdin, at which a host ends.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as host:
        assert host.stdout is not None
        yield f"http://127.0.0.1:{json.loads(host.stdout.readline())['port']}"
    assert host.returncode == 0


@pytest.fixture
async def follower(url: str) -> AsyncIterator[Follower]:
    async with Client(url) as client:
        follower = Follower(client, f"test-{uuid4()}")
        await follower.start()
        yield follower
        await follower.close()


def silence(seconds: float, prefix: str) -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyAudio", "inputs": {"duration": seconds, "sample_rate": 44100, "channels": 2}},
        "2": {
            "class_type": "SaveAudioMP3",
            "inputs": {"audio": ["1", 0], "filename_prefix": prefix, "quality": "V0"},
        },
    }


async def run(
    follower: Follower, graph: dict[str, Any], prompt_id: str | None = None
) -> tuple[Outcome, list[PromptEvent]]:
    heard: list[PromptEvent] = []
    prompt_id = prompt_id or str(uuid4())
    async with follower.watch(prompt_id, graph) as watch:
        await follower.client.submit(graph, prompt_id, follower.client_id)
        return await watch.wait_for_outcome(heard.append), heard


def prefix() -> str:
    return f"tonewright/test-{uuid4().hex[:12]}/generation_1_1"


async def test_a_graph_becomes_a_file_here(follower: Follower, tmp_path: Path) -> None:
    # A length that no earlier prompt had, since a ComfyUI that runs for long has results of others at hand.
    graph = silence(1 + uuid4().int % 10000 / 10000, prefix())
    outcome, heard = await run(follower, graph)
    assert (outcome.state, outcome.cached) == ("success", False)
    assert [event.node for event in heard if event.kind == "node"] == ["1", "2"]
    (file,) = files_of(outcome.outputs)
    target = tmp_path / "07.mp3.part"
    await collect(follower.client, file, target)
    assert target.stat().st_size == await follower.client.size(file)
    again, _ = await run(follower, graph)
    assert (again.outputs, again.cached) == (outcome.outputs, True)


async def test_many_at_once_get_their_own(follower: Follower, tmp_path: Path) -> None:
    lengths = [0.5 + n / 4 for n in range(8)]
    results = await asyncio.gather(*(run(follower, silence(seconds, prefix())) for seconds in lengths))
    sizes = []
    for outcome, _ in results:
        (file,) = files_of(outcome.outputs)
        await collect(follower.client, file, tmp_path / "a.mp3.part")
        sizes.append((tmp_path / "a.mp3.part").stat().st_size)
    assert sizes == sorted(set(sizes))


async def test_a_running_and_a_waiting_prompt_are_cancelled(follower: Follower) -> None:
    first_id, second_id = str(uuid4()), str(uuid4())
    first = asyncio.create_task(run(follower, silence(LONG_SECONDS, prefix()), first_id))
    while not (await follower.client.queue()).running:
        pass
    second = asyncio.create_task(run(follower, silence(LONG_SECONDS, prefix()), second_id))
    while not (await follower.client.queue()).pending:
        pass
    assert (await cancel(follower.client, second_id)).did == ("deleted",)
    assert (await second)[0].state == "lost"
    assert len((await follower.client.queue()).running) == 1
    await cancel(follower.client, first_id)
    outcome, _ = await first
    # An encoder that is at work when it is told to stop may come to its end first, as it does in ComfyUI.
    assert outcome.state in {"interrupted", "success"}
    assert (await follower.client.queue()).running == ()


async def test_a_graph_that_cannot_run_is_refused_with_its_reason(follower: Follower) -> None:
    graph = silence(1.0, prefix())
    graph["2"]["inputs"]["quality"] = "999k"
    with pytest.raises(Refused, match="input 'quality' is '999k', allowed: V0, 128k, 320k"):
        await run(follower, graph)


async def test_a_node_that_fails_says_which_and_why(follower: Follower) -> None:
    graph = {"2": {"class_type": "SaveAudio", "inputs": {"audio": "no sound", "filename_prefix": prefix()}}}
    outcome, _ = await run(follower, graph)
    assert outcome.error is not None
    assert (outcome.error.node_id, outcome.error.node_type) == ("2", "SaveAudio")
    assert "string indices" in outcome.error.message


async def test_an_uploaded_file_is_found_by_a_loader(follower: Follower, tmp_path: Path) -> None:
    outcome, _ = await run(follower, silence(0.5, prefix()))
    (file,) = files_of(outcome.outputs)
    path = tmp_path / "a.mp3.part"
    await collect(follower.client, file, path)
    name = await follower.client.upload(path, f"{uuid4().hex}.mp3", "tonewright")
    load = {
        "1": {"class_type": "LoadAudio", "inputs": {"audio": name}},
        "2": {"class_type": "PreviewAudio", "inputs": {"audio": ["1", 0]}},
    }
    outcome, _ = await run(follower, load)
    assert [file.type for file in files_of(outcome.outputs)] == ["temp"]
