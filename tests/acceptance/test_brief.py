"""What the words of a request say of length, tempo, key, takes and format reaches what is made."""

from __future__ import annotations

import io
import json
from typing import Any

import av
import pytest

from tests.doubles.programs import Server

ENGLISH = "a 12 second techno track in F minor at 130 bpm, two variations, as flac"
GERMAN = "ein Technostück in f-Moll, 12 Sekunden lang, 130 BPM, zwei Varianten, als FLAC"


def seconds_of(server: Server, url: str) -> float:
    status, media = server.call("GET", url)
    assert status == 200
    with av.open(io.BytesIO(media), "r") as file:
        samples = sum(frame.samples for frame in file.decode(audio=0))
        return float(samples / file.streams.audio[0].rate)


@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_a_sentence_decides_what_the_request_leaves_open(server: Server, text: str) -> None:
    status, body = server.execute(input_text=text, seed=5)
    assert status == 200, body
    outputs = body["media_outputs"]
    assert [output["take"] for output in outputs] == [1, 2]
    for output in outputs:
        parameters = output["metadata"]["parameters"]
        assert (parameters["seconds"], parameters["bpm"], parameters["key"]) == (12, 130, "F minor")
        assert output["metadata"]["filename"].endswith(".flac")
        assert seconds_of(server, output["url"]) == pytest.approx(12, abs=0.01)
    assert [output["metadata"]["seed"] for output in outputs] == [5, 6]
    fields = body["brief"]["fields"]
    assert {name: (fields[name]["value"], fields[name]["origin"]) for name in ("bpm", "key", "variations")} == {
        "bpm": (130, "user"),
        "key": ("F minor", "user"),
        "variations": (2, "user"),
    }
    assert {one["parameter"]: one["used"] for one in outputs[0]["metadata"]["brief"]} == {
        "seconds": 12,
        "bpm": 130,
        "key": "F minor",
        "format": "flac",
    }
    assert not [one for one in body["warnings"] if one["code"].startswith("brief")]


def test_the_record_alone_is_enough_to_make_it_again(server: Server) -> None:
    _, body = server.execute(input_text="3 seconds of ambient in D minor, seed 99, two takes", schema="dada")
    record = json.loads((server.exports / body["run_id"] / "metadata.json").read_text())
    (output,) = record["resolved"]["outputs"]
    assert [(values["seconds"], values["key"], values["seed"]) for values in output["values"]] == [
        (3, "D minor", 99),
        (3, "D minor", 100),
    ]
    assert output["brief"]["fields"]["seed"]["value"] == record["resolved"]["seed"] == 99
    assert {"field": "key", "parameter": "key", "asked": "D minor", "used": "D minor", "origin": "user",
            "message": ""} in output["applied"]  # fmt: skip
    _, started = server.call("POST", f"/api/runs/{body['run_id']}/rerun", {})
    _, again = server.ended(started["run_id"])
    assert again["brief"] == body["brief"]
    hashes = [[one["metadata"]["graph_sha256"] for one in told["media_outputs"]] for told in (body, again)]
    assert hashes[0] == hashes[1]


def test_what_is_held_is_said_before_the_text_and_again_in_a_rerun(server: Server) -> None:
    _, body = server.execute(input_text="2 s of techno", brief={"avoid": ["drums"], "moods": ["sad"]}, seed=1)
    assert body["media_output"]["metadata"]["parameters"]["prompt"] == "no drums, sad. 2 s of techno"
    _, started = server.call("POST", f"/api/runs/{body['run_id']}/rerun", {})
    _, again = server.ended(started["run_id"])
    hashes = {told["media_output"]["metadata"]["graph_sha256"] for told in (body, again)}
    assert len(hashes) == 1


def test_what_a_fallback_took_is_what_is_told(server: Server) -> None:
    _, body = server.execute(input_text="2 s of jazz at 90 bpm, as opus", output_config="acestep_instrumental")
    output = body["media_output"]
    assert (output["config_used"], output["metadata"]["filename"][-5:]) == ("procedural_instrumental", ".opus")
    record = json.loads((server.exports / body["run_id"] / "metadata.json").read_text())
    told = [record["resolved"]["outputs"][0]["applied"], output["metadata"]["brief"]]
    assert [{one["parameter"]: one["used"] for one in each} for each in told] == [
        {"seconds": 2, "bpm": 90, "format": "opus"}
    ] * 2
    assert not [one for one in body["warnings"] if one["code"].startswith("brief")]


def run(server: Server, text: str, **more: Any) -> dict[str, Any]:
    status, body = server.execute(input_text=text, output_config="silence_mp3", **more)
    assert status == 200, body
    assert isinstance(body, dict)
    return body


def test_what_is_out_of_range_is_limited_and_both_are_named(server: Server) -> None:
    body = run(server, "silence", brief={"duration_seconds": 0.02})
    assert body["media_output"]["metadata"]["parameters"]["seconds"] == 0.1
    (warning,) = [one for one in body["warnings"] if one["code"] == "brief_limited"]
    assert warning["message"].startswith("The text asks for seconds 0.02 s; 0.1 s is used (0.1 to ")
    (value,) = warning["values"]
    assert (value["field"], value["asked"], value["used"]) == ("duration_seconds", 0.02, 0.1)


def test_what_cannot_be_had_is_told(server: Server) -> None:
    body = run(server, "a second in A minor, sung by a woman, as opus")
    (warning,) = [one for one in body["warnings"] if one["code"] == "brief_limited"]
    assert "format opus is not used: Silence makes mp3" in warning["message"]
    assert "vocals female is not used" in warning["message"]


@pytest.mark.parametrize(
    ("more", "seconds", "takes"),
    [
        ({}, 2, 2),
        ({"params": {"seconds": 1}}, 1, 2),
        ({"params": {"generation.seconds": 1}}, 1, 2),
        ({"params": {"seconds": None}}, 2, 2),
        ({"brief": {"duration_seconds": 3}}, 3, 2),
        ({"brief": {"variations": 1}}, 2, 1),
        ({"brief": True}, 2, 2),
        ({"brief": False}, 1, 1),
    ],
)
def test_what_the_request_gives_is_stronger(server: Server, more: dict[str, Any], seconds: float, takes: int) -> None:
    body = run(server, "two seconds of silence, two versions", **more)
    outputs = body["media_outputs"]
    assert ([one["metadata"]["parameters"]["seconds"] for one in outputs], len(outputs)) == ([seconds] * takes, takes)
    assert (body["brief"] is None) == (more.get("brief") is False)


def test_a_field_that_no_brief_has_is_named(server: Server) -> None:
    for brief, field in (({"bpm": 5000}, "brief.bpm"), ({"tempo": 120}, "brief.tempo"), ("yes", "brief")):
        status, body = server.execute(input_text="x", brief=brief)
        assert (status, body["error"]["field"]) == (422, field), body
