"""A piece of music by rule, as everybody gets it: heard while it is made, with voices, notes, outline and formats."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import Any
from zipfile import ZipFile

import pytest

from devserver.media.tags import read_tags
from devserver.system.sniff import sniff
from tests.doubles.programs import Server
from tests.patience import PATIENCE_S

VOICES = {"drums", "bass", "chords", "lead"}
FILES = {
    "07_output_audio.mp3": "audio/mpeg",
    **{f"08_stem_{name}.flac": "audio/flac" for name in VOICES},
    "09_midi.mid": "audio/midi",
    "10_peaks.json": "application/json",
}


def get(server: Server, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path, timeout=PATIENCE_S) as response:
        content: bytes = response.read()
    return content


def length(content: bytes) -> float:
    import av

    with av.open(io.BytesIO(content), "r") as container:
        return round(sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0)), 6)


@pytest.fixture(scope="module")
def made(server: Server) -> dict[str, Any]:
    """The answer about a short piece, heard as a stream while it was made: `heard` is what came."""
    params = {"seconds": 6}
    _, started = server.execute(input_text="house in A minor", params=params, wait=False)
    heard = get(server, f"/api/media/stream/{started['run_id']}")
    status, body = server.ended(started["run_id"])
    assert status == 200, body
    assert isinstance(body, dict)
    return {**body, "heard": heard}


def test_the_stream_is_the_whole_piece(made: dict[str, Any]) -> None:
    assert length(made["heard"]) == pytest.approx(6, abs=0.06)


def test_everything_that_belongs_to_it_is_a_file_of_the_run(server: Server, made: dict[str, Any]) -> None:
    entities = {e["filename"]: e for e in server.run(made["run_id"])["entities"] if e["number"] >= 7}
    assert {name: entity["mime"] for name, entity in entities.items()} == FILES
    folder = server.exports / made["run_id"]
    assert {name: sniff(folder / name).mime for name in FILES} == FILES
    assert {e["facts"]["seconds"] for e in entities.values() if e["role"] == "stem"} == {6.0}
    assert read_tags(folder / "08_stem_drums.flac").title.endswith("(drums)")
    assert read_tags(folder / "09_midi.mid").prompt is None


def test_its_voices_and_its_notes_are_served(server: Server, made: dict[str, Any]) -> None:
    run_id = made["run_id"]
    assert {stem["name"] for stem in json.loads(get(server, f"/api/media/stems/{run_id}"))} == VOICES
    with ZipFile(io.BytesIO(get(server, f"/api/media/stems/{run_id}.zip"))) as packed:
        assert {name: length(packed.read(name)) for name in packed.namelist()} == {f"{v}.flac": 6.0 for v in VOICES}
    assert get(server, f"/api/media/midi/{run_id}")[:4] == b"MThd"
    peaks = json.loads(get(server, f"/api/media/peaks/{run_id}"))
    assert peaks["length"] * peaks["samples_per_pixel"] / peaks["sample_rate"] == pytest.approx(6, abs=0.05)


def test_one_format_is_what_it_is_saved_as_and_several_are_made_from_one_without_loss(server: Server) -> None:
    for formats, wanted in (
        (["opus"], {"07_output_audio.opus"}),
        (["mp3", "opus"], {"07_output_audio.flac", "11_format.mp3", "12_format.opus"}),
        (["opus", "wav"], {"07_output_audio.wav", "11_format.opus"}),
    ):
        params = {"seconds": 2, "stems": False}
        status, body = server.execute(input_text="techno", params=params, formats=formats)
        assert status == 200, body
        listed = server.run(body["run_id"])["entities"]
        assert {e["filename"] for e in listed if e["role"] in ("main", "format")} == wanted
        assert {sniff(server.exports / body["run_id"] / name).ext for name in wanted} >= set(formats)


def test_a_format_that_was_chosen_with_losses_allows_no_other(server: Server) -> None:
    status, body = server.execute(input_text="x", params={"format": "mp3"}, formats=["mp3", "flac"])
    assert (status, body["error"]["field"], body["error"]["allowed"]) == (422, "formats", ["mp3"])
