"""The request that everything is for, sent to a real server process."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import mutagen
import numpy as np
import pytest

from devserver.nodes.studio.meter import Meter
from tests.doubles.programs import Server

REQUEST = {
    "schema": "dada",
    "input_text": "test",
    "output_config": "acestep_instrumental",
    "execution_mode": "eco",
    "safety_level": "off",
}


def test_the_request_makes_music_by_the_declared_fallback_and_says_so(server: Server) -> None:
    status, body = server.execute(**REQUEST)
    assert status == 200, body
    wanted = {"status", "run_id", "schema", "config_name", "input_text", "final_output", "steps_completed"}
    assert wanted | {"execution_time", "metadata", "media_output", "media_outputs", "warnings"} <= body.keys()
    output = body["media_output"]
    assert (output["config"], output["config_used"]) == ("acestep_instrumental", "procedural_instrumental")
    assert output["metadata"].keys() >= {"prompt_id", "backend", "model", "seed"}
    warning = next(w for w in body["warnings"] if w["code"] == "fallback")
    assert (warning["asked"], warning["used"]) == ("acestep_instrumental", "procedural_instrumental")
    assert "KSampler" in warning["missing"]["embedded"]["nodes"]


def test_the_mp3_is_stereo_as_long_as_asked_and_neither_silent_nor_clipped(server: Server) -> None:
    _, body = server.execute(**REQUEST, params={"seconds": 7.5})
    status, mp3 = server.call("GET", body["media_output"]["url"])
    assert status == 200
    with av.open(BytesIO(mp3), "r") as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
        assert file.streams.audio[0].channels == 2
    assert abs(sum(frame.shape[1] for frame in frames) / rate - 7.5) < 0.1
    peak = max(float(np.abs(frame).max()) for frame in frames)
    assert 0.1 < peak < 0.999


def test_its_tags_name_the_run_and_hold_the_graph(server: Server) -> None:
    _, body = server.execute(input_text="ein Stück für Ärzte", output_config="silence_mp3")
    _, mp3 = server.call("GET", body["media_output"]["url"])
    tags = mutagen.File(BytesIO(mp3)).tags
    assert str(tags["TIT2"]) == "ein Stück für Ärzte"
    assert body["run_id"] in str(tags["TXXX:tonewright"])
    assert "EmptyAudio" in str(tags["TXXX:prompt"])


def test_the_record_and_the_tags_tell_what_was_played(server: Server) -> None:
    text = "a calm ambient piece in F major at 80 bpm"
    _, body = server.execute(input_text=text, output_config="procedural_instrumental", params={"seconds": 2})
    attempt = server.run(body["run_id"])["stages"][-1]["attempts"][0]
    (report,) = attempt["result"]["reports"]
    assert (report["bpm"], report["key"]) == (80, "F major")
    assert report["rendered_with"].keys() == {"numpy", "cpu_features"}
    tags = mutagen.File(BytesIO(server.call("GET", body["media_output"]["url"])[1])).tags
    assert (str(tags["TBPM"]), str(tags["TKEY"])) == ("80", "F")


def test_format_loudness_and_ceiling_are_the_requests(server: Server) -> None:
    asked = {"seconds": 5, "format": "flac", "loudness": -20, "ceiling": -4, "stems": False}
    _, body = server.execute(input_text="rock", output_config="procedural_instrumental", params=asked)
    status, flac = server.call("GET", body["media_output"]["url"])
    assert (status, flac[:4]) == (200, b"fLaC")
    meter = Meter(48_000)
    with av.open(BytesIO(flac), "r") as file:
        resampler = av.AudioResampler(format="fltp")
        for frame in file.decode(audio=0):
            for part in resampler.resample(frame):
                meter.add(part.to_ndarray().astype(np.float32))
    levels = meter.levels()
    assert meter.length == 5 * 48_000
    assert levels.loudness_lufs == pytest.approx(-20, abs=0.2)
    assert levels.true_peak_dbtp <= -4
    (report,) = server.run(body["run_id"])["stages"][-1]["attempts"][0]["result"]["reports"]
    assert report["mastering"]["after"]["loudness_lufs"] == pytest.approx(-20, abs=0.2)


def test_without_a_fallback_it_is_refused_with_what_is_missing(server: Server) -> None:
    status, body = server.execute(**REQUEST, fallback=False)
    assert (status, body["status"], body["error"]["code"]) == (409, "failed", "nodes_missing")
    missing = body["error"]["details"]["missing"]["embedded"]
    assert missing["models"] == ["ace_step_v1_3.5b.safetensors"]
    assert "TextEncodeAceStepAudio" in missing["nodes"]


def test_a_parameter_that_the_fallback_lacks_is_left_out_with_a_warning(server: Server) -> None:
    _, body = server.execute(**REQUEST, params={"seconds": 2, "cfg": 4})
    assert [w["parameter"] for w in body["warnings"] if "parameter" in w] == ["cfg"]
    assert body["media_output"]["metadata"]["parameters"]["seconds"] == 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "input_text"),
        ({"input_text": "  "}, 422, "input_text"),
        ({"input_text": 5}, 422, "input_text"),
        ({"input_text": "x", "schema": "nope"}, 404, "schema"),
        ({"input_text": "x", "output_config": "nope"}, 404, "output_config"),
        ({"input_text": "x", "output_config": []}, 422, "output_config"),
        ({"input_text": "x", "pipeline": "nope"}, 404, "pipeline"),
        ({"input_text": "x", "params": {"second": 5}}, 422, "params.second"),
        ({"input_text": "x", "params": {"seconds": 1e9}}, 422, "params.seconds"),
        ({"input_text": "x", "params": {"seconds": "long"}}, 422, "params.seconds"),
        ({"input_text": "x", "seed": -2}, 422, "seed"),
        ({"input_text": "x", "execution_mode": "slow"}, 422, "execution_mode"),
        ({"input_text": "x", "safety_level": "none"}, 422, "safety_level"),
        ({"input_text": "x", "formats": ["midi"]}, 422, "formats"),
        ({"input_text": "x", "inputtext": "x"}, 422, "inputtext"),
        ({"input_text": "x", "wait_timeout_s": -1}, 422, "wait_timeout_s"),
    ],
)
def test_bad_input_is_named_with_what_is_allowed(server: Server, body: dict[str, Any], status: int, field: str) -> None:
    answered, told = server.call("POST", "/api/schema/pipeline/execute", body)
    assert (answered, told["error"]["field"]) == (status, field), told
    assert told["error"]["allowed"], told
    assert told["error"]["message"]


def test_a_term_of_the_safety_level_blocks_before_anything_is_made(server: Server) -> None:
    status, body = server.execute(input_text="a song about murder", safety_level="kids", output_config="silence_mp3")
    assert (status, body["status"], body["error"]["stage"]) == (403, "blocked", "safety_input")
    assert body["error"]["details"]["terms"]
    assert body["media_output"]["media_stored"] is False


@pytest.mark.parametrize("way", [{"wait": False}, {"wait_timeout_s": 0}])
def test_who_does_not_wait_gets_links(server: Server, way: dict[str, Any]) -> None:
    status, body = server.execute(input_text="x", output_config="silence_mp3", **way)
    assert status == 202
    assert body["links"]["run"] == f"/api/runs/{body['run_id']}"


def test_a_rerun_has_the_same_compiled_graph_and_the_same_text(server: Server) -> None:
    words = "one two three four five six"
    _, first = server.execute(input_text=words, schema="dada", output_config="silence_mp3")
    _, started = server.call("POST", f"/api/runs/{first['run_id']}/rerun")
    status, second = server.ended(started["run_id"])
    assert status == 200, second
    assert second["run_id"] != first["run_id"]
    assert second["final_output"] == first["final_output"] != words
    hashes = [body["media_output"]["metadata"]["graph_sha256"] for body in (first, second)]
    assert hashes[0] == hashes[1]
    prompts = [body["media_output"]["metadata"]["prompt_id"] for body in (first, second)]
    assert prompts[0] != prompts[1]


def test_several_outputs_of_one_run_each_have_a_file(server: Server) -> None:
    wanted = ["silence_mp3", "procedural_instrumental"]
    status, body = server.execute(input_text="x", output_config=wanted, params={"generation_2.seconds": 2})
    assert status == 200, body
    assert [output["config"] for output in body["media_outputs"]] == wanted
    urls = [output["url"] for output in body["media_outputs"]]
    assert urls == [f"/api/media/audio/{body['run_id']}", f"/api/media/audio/{body['run_id']}/1"]
    sizes = [len(server.call("GET", url)[1]) for url in urls]
    assert sizes[0] != sizes[1]


def test_a_running_run_can_be_cancelled(server: Server) -> None:
    _, started = server.execute(input_text="x", params={"seconds": 600}, wait=False)
    status, _ = server.call("POST", f"/api/runs/{started['run_id']}/cancel")
    assert status in (200, 202)
    status, body = server.ended(started["run_id"])
    assert (status, body["status"], body["error"]["code"]) == (409, "cancelled", "cancelled")
    status, body = server.call("POST", f"/api/runs/{started['run_id']}/cancel")
    assert status == 409
