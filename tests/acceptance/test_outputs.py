"""Every shipped output through a real server, on a backend that has all the nodes and models but makes only tones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.build import SHIPPED
from schemas.loader import load_tables
from tests.doubles.model_nodes import SHELF
from tests.doubles.programs import NodeHost, Server
from tests.loading import load_catalog

CATALOG = load_catalog([SHIPPED], load_tables([SHIPPED]))
SHORT = {"seconds": 1, "frames": 17}


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a backend that has everything."""
    with backend(tmp_path_factory.mktemp("host"), "audiocraft") as host:
        yield from served(tmp_path_factory.mktemp("exports"), host)


def backend(base: Path, pack: str) -> NodeHost:
    return NodeHost(base, f"tests.doubles.model_nodes:{pack}")


def served(exports: Path, host: NodeHost) -> Iterator[Server]:
    with Server(exports, backends=[{"name": "studio", "url": host.url}], embedded=False) as server:
        yield server


def short(output: str, files: dict[str, Any]) -> dict[str, Any]:
    """Parameters that make an output quickly, and the files that it needs."""
    parameters = CATALOG.chunk_of(output).parameters
    length = {"bpm": 90, "seconds": 10} if output.startswith("acestep15") else SHORT
    values = {name: value for name, value in length.items() if name in parameters}
    return values | {name: files[name] for name, parameter in parameters.items() if parameter.type == "file"}


@pytest.fixture(scope="module")
def files(rich: Server) -> dict[str, Any]:
    """A recording and a picture of an earlier run, as parameters of type file name them."""
    _, body = rich.execute(input_text="x", output_config=["stable_audio", "cover_image"], params={"seconds": 1})
    names = [output["metadata"]["filename"] for output in body["media_outputs"]]
    return {kind: {"run": body["run_id"], "entity": name} for kind, name in zip(("audio", "image"), names, strict=True)}


@pytest.mark.parametrize("output", [name for name in CATALOG.outputs if CATALOG.chunk_of(name).models])
def test_an_output_is_made_with_its_own_models(output: str, rich: Server, files: dict[str, Any]) -> None:
    preset = "best" if output != "ltx_video" else "draft"
    status, body = rich.execute(input_text="a song", output_config=output, preset=preset, params=short(output, files))
    assert status == 200, body
    made = body["media_output"]
    assert (made["config_used"], made["variant"], made["preset"]) == (output, output, preset)
    assert made["metadata"]["model"].startswith(SHELF)
    wanted = CATALOG.output(output).presets[preset]
    given = short(output, files)
    assert all(made["metadata"]["parameters"][name] == value for name, value in wanted.items() if name not in given)
    assert rich.call("GET", made["url"])[0] == 200
    expected = {"llm_missing"} if CATALOG.output(output).wants else set()
    moved = {f"{model.node}_{model.input}": model.file for model in CATALOG.chunk_of(output).models}
    if output == "ltx_video":
        del moved["2_clip_name"]
        expected.add("precision_2_clip_name")
    expected |= {f"elsewhere_{where}" for where in moved}
    told = {warning["code"]: warning for warning in body["warnings"]}
    assert set(told) == expected
    for where, file in moved.items():  # the backend has every model on a shelf, and the warning names both
        warning = told[f"elsewhere_{where}"]
        assert (warning["asked"], warning["used"]) == (file, f"{SHELF}{file}")
        assert f"has no {file}; {SHELF}{file} is used" in warning["message"]


def test_music_and_its_cover_are_two_files_of_one_run(rich: Server) -> None:
    asked = ["acestep_instrumental", "cover_image"]
    status, body = rich.execute(input_text="x", output_config=asked, params={"generation.seconds": 1})
    assert status == 200, body
    record = rich.run(body["run_id"])
    made = {entity["role"]: entity for entity in record["entities"] if entity["role"] in ("main", "cover")}
    assert (made["main"]["number"], made["main"]["filename"]) == (7, "07_output_audio.mp3")
    assert (made["cover"]["number"], made["cover"]["filename"]) == (11, "11_cover.png")  # after stems, MIDI and peaks
    urls = [output["url"] for output in body["media_outputs"]]
    assert [rich.call("GET", url)[0] for url in urls] == [200, 200]
    assert urls[1] == f"/api/media/image/{body['run_id']}"


def test_an_output_without_the_preset_says_so(rich: Server) -> None:
    asked = {"output_config": ["procedural_instrumental", "silence_mp3"], "params": {"seconds": 1}}
    status, body = rich.execute(input_text="x", preset="best", **asked)
    assert status == 200, body
    assert [output["preset"] for output in body["media_outputs"]] == ["best", None]
    (warning,) = body["warnings"]
    assert (warning["code"], warning["config"], warning["preset"]) == ("preset_left_out", "silence_mp3", "best")


def test_a_rerun_uses_the_preset_again(rich: Server) -> None:
    body = {"input_text": "x", "output_config": "acestep_instrumental", "preset": "draft", "params": {"seconds": 1}}
    _, first = rich.execute(**body, seed=3)
    _, started = rich.call("POST", f"/api/runs/{first['run_id']}/rerun")
    _, again = rich.ended(started["run_id"])
    assert first["media_output"]["metadata"]["parameters"]["steps"] == 27
    for field in ("parameters", "graph_sha256"):
        assert again["media_output"]["metadata"][field] == first["media_output"]["metadata"][field]
    assert rich.run(first["run_id"])["resolved"]["preset"] == "draft"


@pytest.mark.parametrize(("pack", "lacks"), [("transformers", "left_out_top_k"), ("prompt", "seed_left_out")])
def test_the_musicgen_pack_that_is_there_is_used_and_recorded(pack: str, lacks: str, tmp_path: Path) -> None:
    with backend(tmp_path / "host", pack) as host:
        for server in served(tmp_path / "exports", host):
            params = {"seconds": 1, "top_k": 50}
            status, body = server.execute(input_text="a waltz", output_config="musicgen", params=params, seed=7)
            assert status == 200, body
            made = body["media_output"]
            assert (made["config_used"], made["variant"]) == ("musicgen", f"musicgen_{pack}")
            assert made["metadata"]["parameters"]["model"] == "medium"
            assert {warning["code"] for warning in body["warnings"]} == {lacks, "llm_missing"}


def test_an_unknown_pack_is_refused_with_the_inputs_that_it_has(tmp_path: Path) -> None:
    with backend(tmp_path / "host", "unknown") as host:
        for server in served(tmp_path / "exports", host):
            status, body = server.execute(input_text="x", output_config="musicgen", fallback=False)
            assert (status, body["error"]["code"]) == (409, "nodes_missing")
            assert "MusicgenGenerate of another pack, with model, words, length" in body["error"]["message"]


def test_another_model_is_never_taken_but_named_as_the_nearest(tmp_path: Path) -> None:
    with backend(tmp_path / "host", "newer") as host:
        for server in served(tmp_path / "exports", host):
            status, body = server.execute(input_text="x", output_config="acestep_song", fallback=False)
            assert (status, body["error"]["code"]) == (409, "nodes_missing")
            lacks = "studio lacks the models ace_step_v1_3.5b.safetensors (nearest: ace_step_v2_1b.safetensors)"
            assert lacks in body["error"]["message"]
            assert "ace_step_v1_3.5b.safetensors into models/checkpoints" in body["error"]["hint"]
