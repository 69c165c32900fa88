"""The formats of a request: made from what an output saves without loss, over real processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devserver.media.tags import read_tags
from devserver.system.sniff import sniff
from tests.doubles.piece_nodes import WORDS, write_definitions
from tests.doubles.programs import NodeHost, Server

TABLE = "tests.doubles.piece_nodes:table"
# As most graphs of models are: a sound that a node of ComfyUI's own saves.
TONE: dict[str, Any] = {
    "1": {"class_type": "TonewrightCompose", "inputs": {"prompt": "techno", "genre": "auto", "bpm": 0, "key": "auto"}},
    "2": {"class_type": "TonewrightSynthesise", "inputs": {"song": ["1", 0]}},
    "3": {"class_type": "SaveAudio", "inputs": {"audio": ["2", 0], "filename_prefix": "x"}},
}
TONE["1"]["inputs"] |= {"mood": "auto", "instruments": "", "seconds": 2, "seed": 1}


def write_tone(folder: Path) -> Path:
    """An output `tone` that is saved as FLAC, and `tone_or_silence`, whose own graph no backend has."""
    absent = {**TONE, "4": {"class_type": "NobodyHasThis", "inputs": {}}}
    nobody = {"input": {}, "output": [], "output_name": [], "output_node": False, "category": "x"}
    chunk = {"kind": "graph", "description": WORDS, "outputs": [{"node": "3", "media": "audio", "format": "flac"}]}
    config = {"label": WORDS, "description": WORDS, "pipeline": "text_to_audio", "run_timeout_s": 60}
    files: dict[str, Any] = {
        "graphs/tone.json": TONE,
        "graphs/absent.json": absent,
        "tables/absent.json": {"NobodyHasThis": nobody},
        "chunks/tone.yaml": {**chunk, "graph": "tone"},
        "chunks/absent.yaml": {**chunk, "graph": "absent"},
        "configs/output/tone.yaml": {**config, "chunk": "tone"},
        "configs/output/tone_or_silence.yaml": {**config, "chunk": "absent", "fallback": "silence_mp3"},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = write_tone(write_definitions(tmp_path_factory.mktemp("own")))
    with NodeHost(tmp_path_factory.mktemp("host"), TABLE) as host:
        backends = [{"name": "studio", "url": host.url}]
        with Server(tmp_path_factory.mktemp("exports"), definitions=[str(own)], backends=backends) as running:
            yield running


def media(server: Server, body: dict[str, Any]) -> dict[str, str]:
    """The names of the run's sounds by their kind, as their bytes say."""
    folder = server.exports / body["run_id"]
    listed = [e for e in server.run(body["run_id"])["entities"] if e["role"] in ("main", "format")]
    return {e["filename"]: sniff(folder / e["filename"], "x").ext for e in listed}


def test_each_format_is_a_file_with_an_address_and_the_main_file_is_as_before(server: Server) -> None:
    status, body = server.execute(input_text="a tone", output_config="tone", formats=["flac", "opus", "mp3"])
    assert status == 200, body
    assert media(server, body) == {"07_output_audio.flac": "flac", "08_format.opus": "opus", "09_format.mp3": "mp3"}
    (output,) = body["media_outputs"]
    assert [one["format"] for one in output["formats"]] == ["opus", "mp3"]
    for one in output["formats"]:
        status, content = server.call("GET", one["url"])
        assert (status, len(content)) == (200, one["bytes"])
    folder = server.exports / body["run_id"]
    assert read_tags(folder / "08_format.opus") == read_tags(folder / "07_output_audio.flac")
    assert not list(
        (server.exports / ".state" / "embedded" / "input").rglob("*.flac")
    )  # sent there only to be converted
    lengths = {e["filename"]: e["facts"]["seconds"] for e in server.run(body["run_id"])["entities"] if "facts" in e}
    assert lengths["08_format.opus"] == pytest.approx(lengths["07_output_audio.flac"], abs=0.001)


def test_they_are_made_at_home_whatever_backend_made_the_sound(server: Server) -> None:
    _, body = server.execute(input_text="x", output_config="pieces", formats=["flac"])
    stages = {stage["name"]: stage for stage in server.run(body["run_id"])["stages"]}
    assert stages["generation"]["attempts"][0]["backend"] == "studio"
    assert stages["generation_flac"]["attempts"][0]["backend"] == "embedded"
    assert stages["generation_flac"]["state"] == "success"


def test_a_format_that_cannot_be_made_honestly_is_refused_with_what_is_allowed(server: Server) -> None:
    for output, formats, allowed in (
        ("silence_mp3", ["flac"], ["mp3"]),
        ("tone", ["aiff"], ["flac", "wav", "mp3", "opus", "ogg", "m4a"]),
    ):
        status, body = server.execute(input_text="x", output_config=output, formats=formats)
        assert (status, body["error"]["field"], body["error"]["value"]) == (422, "formats", formats[0])
        assert body["error"]["allowed"] == allowed


def test_what_a_fallback_saves_with_losses_is_made_into_nothing_else(server: Server) -> None:
    status, body = server.execute(input_text="x", output_config="tone_or_silence", formats=["flac", "opus", "mp3"])
    assert status == 200, body
    assert media(server, body) == {"07_output_audio.mp3": "mp3"}
    left_out = [warning["format"] for warning in body["warnings"] if warning["code"] == "format_left_out"]
    assert left_out == ["opus"]


def test_a_rerun_makes_the_same_formats(server: Server) -> None:
    _, first = server.execute(input_text="x", output_config="tone", formats=["wav"])
    _, started = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
    _, again = server.ended(started["run_id"])
    made = [output["formats"][0]["filename"] for body in (first, again) for output in body["media_outputs"]]
    assert made == ["08_format.wav", "08_format.wav"]
