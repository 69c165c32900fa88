"""Every node of ours makes the same in a real ComfyUI and in our host."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import aiohttp
import av
import numpy as np
import pytest

from devserver.nodes import TABLE
from tests.contract.live import Live
from tests.nodes.in_comfyui.alike import SOUND, decoded, differences, file_differences
from tests.nodes.in_comfyui.cases import HEARING, Graph, graph_of, of_file
from tests.nodes.in_comfyui.conftest import Both


async def outputs(host: Live, graph: Graph) -> dict[str, dict[str, list[Any]]]:
    """What the history says that each node gave, and under `partial` which pieces were handed out meanwhile."""
    played = await host.run(graph)
    assert played["entry"]["status"]["status_str"] == "success", played["entry"]["status"]["messages"]
    pieces = [event["data"] for event in played["ws"] if event["type"] == "tonewright.partial"]
    assert [piece["index"] for piece in pieces] == list(range(len(pieces)))
    given: dict[str, dict[str, list[Any]]] = played["entry"]["outputs"]
    return given | {"partial": {"node": [piece["file"] for piece in pieces]}}


async def fetched(host: Live, entry: dict[str, str]) -> bytes:
    query = {key: entry[key] for key in ("filename", "subfolder", "type")}
    async with host.session.get(f"{host.base_url}/view", params=query) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


def files_in(given: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, str]]:
    """The entries of files, by the place where they stand."""
    return {
        f"{node}.{key}[{number}]": item
        for node, lists in given.items()
        for key, items in lists.items()
        for number, item in enumerate(items)
        if isinstance(item, dict) and "filename" in item
    }


def without_their_folder(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """What `/object_info` says of a node; ComfyUI adds the name of the folder it came from."""
    return {
        key: answer[name][key] for key in ("input", "output", "output_name", "output_node", "category", "description")
    }


@pytest.mark.parametrize("name", TABLE)
async def test_a_node_is_described_alike(both: Both, name: str) -> None:
    ours, theirs = [(await host.ask("GET", f"/object_info/{name}"))["body"] for host in (both.ours, both.comfyui)]
    assert name in theirs, "the ComfyUI has an older folder of ours, or could not load it"
    assert differences(without_their_folder(name, ours), without_their_folder(name, theirs)) == []


@pytest.mark.parametrize("name", TABLE)
async def test_a_node_makes_the_same(both: Both, name: str) -> None:
    await compare(both, name, graph_of(name, f"both/{both.comfyui.token}_{_digest(name)}"))


@pytest.mark.parametrize("name", HEARING)
async def test_a_node_makes_the_same_of_a_file(both: Both, name: str) -> None:
    """An MP3 in mono at 44.1 kHz, which both read themselves."""
    token, sound = both.comfyui.token, mp3()
    for host in (both.ours, both.comfyui):
        form = aiohttp.FormData()
        form.add_field("image", sound, filename=f"{token}.mp3")
        assert (await host.ask("POST", "/upload/image", data=form))["status"] == 200
    await compare(both, name, of_file(graph_of(name, f"both/{token}_{_digest(name)}_file"), f"{token}.mp3"))


def mp3() -> bytes:
    """Four seconds of two chords and a beat."""
    at = np.arange(4 * 44_100) / 44_100
    tones = sum(np.sin(2 * np.pi * hz * at * np.where(at < 2, 1, 4 / 3)) for hz in (110, 220, 262, 330))
    beat = np.random.default_rng(3).standard_normal(len(at)) * np.exp(-(at % 0.5) / 0.03)
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray((0.1 * tones + 0.2 * beat)[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = 44_100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


async def compare(both: Both, name: str, graph: Graph) -> None:
    ours, theirs = await outputs(both.ours, graph), await outputs(both.comfyui, graph)
    assert "node" in ours or any(key.startswith("seen") for key in ours)
    assert differences(ours, theirs) == []
    assert bool(ours["partial"]["node"]) == (name == "TonewrightRender")
    loudest = 0.0
    for place, entry in files_in(ours).items():
        pair = [await fetched(host, entry) for host in (both.ours, both.comfyui)]
        ext = entry["filename"].rpartition(".")[2]
        assert file_differences(ext, *pair) == [], f"{place}: {entry['filename']}"
        loudest = max(loudest, float(np.abs(decoded(pair[0])).max()) if ext in SOUND else 0.0)
    assert loudest > 0.1 or "AUDIO" not in TABLE[name].RETURN_TYPES


def _digest(name: str) -> str:
    return hashlib.sha256(json.dumps(name).encode()).hexdigest()[:6]
