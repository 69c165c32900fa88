"""An output that is refused: the hint fits the definition that made it, and what was sent is the sender's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.build import SHIPPED
from tests.doubles import odd_media
from tests.doubles.programs import Server


def shipped(name: str) -> Any:
    return yaml.safe_load((SHIPPED / f"{name}.yaml").read_text("utf8"))


def written(folder: Path) -> Path:
    """Outputs of shipped graphs whose definitions do not fit what is made."""
    never = {"verify": {"min_seconds": 500}}
    recording, film = shipped("chunks/mastered_recording"), shipped("chunks/recording_video")
    music, silence = shipped("chunks/procedural_instrumental"), shipped("chunks/silence_mp3")
    for chunk in (recording, music, silence):
        chunk["outputs"] = [
            {**output, **never} if output.get("role", "main") == "main" else output for output in chunk["outputs"]
        ]
    film["outputs"][0] |= {"media": "audio", "format": "flac"}
    for name, chunk, config in (
        ("long_recording", recording, "mastered_recording"),
        ("heard_film", film, "recording_video"),
        ("long_music", music, "procedural_instrumental"),
        ("long_silence", silence, "silence_mp3"),
    ):
        output = {**copy.deepcopy(shipped(f"configs/output/{config}")), "chunk": name}
        output.pop("fallback", None)
        for path, content in ((f"chunks/{name}", chunk), (f"configs/output/{name}", output)):
            place = folder / f"{path}.yaml"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(yaml.safe_dump(content, allow_unicode=True), "utf8")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = written(tmp_path_factory.mktemp("definitions"))
    with Server(tmp_path_factory.mktemp("exports"), definitions=[str(own)]) as running:
        yield running


@pytest.fixture(scope="module")
def audio(server: Server) -> str:
    status, kept = server.call("POST", "/api/uploads?name=song.wav", odd_media.wav(odd_media.tone()))
    assert status == 201
    return str(kept["id"])


@pytest.mark.parametrize(
    ("output", "refused", "hint"),
    [
        ("long_recording", (422, "too_short"), "sent as audio"),
        ("long_music", (502, "too_short"), "another seed may do better"),
        ("long_silence", (502, "too_short"), "It has no seed"),
        ("heard_film", (502, "wrong_media"), "the output should be media: video"),
    ],
)
def test_the_hint_is_about_what_was_made(
    server: Server, audio: str, output: str, refused: tuple[int, str], hint: str
) -> None:
    given = {"long_music": {"seconds": 2}, "long_silence": {}}.get(output, {"audio": audio})
    status, body = server.execute(input_text="x", output_config=output, params=given)
    error = body["error"]
    assert error["code"] == "output_refused"
    assert (status, error["details"]["reason"]) == refused
    assert hint in error["hint"]
    assert ("seed may" in error["hint"]) == (output == "long_music")
