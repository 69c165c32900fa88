"""The pieces of a sound that is still being made: our host and a real ComfyUI tell them alike."""

from __future__ import annotations

import io
import json
import os
import wave
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.contract.live import Live

GRAPH = Path(__file__).parents[2] / "schemas" / "graphs" / "procedural_instrumental.json"
SUBJECTS = ["host", *(["comfyui"] if os.environ.get("COMFYUI_URL") else [])]


def piece(seed: int, seconds: float) -> dict[str, Any]:
    graph: dict[str, Any] = json.loads(GRAPH.read_text())
    graph["1"]["inputs"] |= {"prompt": "house", "seconds": seconds, "seed": seed}
    return graph


@pytest.mark.parametrize("kind", SUBJECTS)
async def test_pieces_are_told_to_their_client_while_the_sound_is_made(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue(f"{kind}_url")).rstrip("/")
    async with aiohttp.ClientSession() as session:
        live = Live(url, session)
        async with live.ear() as other:
            run = await live.run(piece(live.fresh(), 9.0))
            assert not any(event["type"] == "tonewright.partial" for event in other.events)
        kinds = [event["type"] for event in run["ws"]]
        pieces = [event["data"] for event in run["ws"] if event["type"] == "tonewright.partial"]
        written = next(
            index
            for index, event in enumerate(run["ws"])
            if event["type"] == "executed" and event["data"]["node"] == "2"
        )
        assert len(pieces) > 1
        assert "tonewright.partial" not in kinds[written:]
        frames = 0
        for index, data in enumerate(pieces):
            assert data.keys() == {"prompt_id", "node", "index", "file"}
            assert (data["prompt_id"], data["node"]) == (run["submit"]["body"]["prompt_id"], "2")
            assert data["index"] == index
            assert (data["file"].keys(), data["file"]["type"]) == ({"filename", "subfolder", "type"}, "temp")
            async with session.get(f"{url}/view", params=data["file"]) as answer:
                with wave.open(io.BytesIO(await answer.read()), "rb") as file:
                    assert (file.getframerate(), file.getnchannels()) == (48_000, 2)
                    frames += file.getnframes()
        assert frames == 9 * 48_000
        outputs = run["entry"]["outputs"]["2"]
        assert [entry["name"] for entry in outputs["stems"]] == ["drums", "bass", "chords", "lead"]
