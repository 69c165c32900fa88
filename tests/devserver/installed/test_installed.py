"""What installed packages bring: kinds of stages, nodes, definitions; in the form that docs/stages.md shows."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from devserver.installed.definitions import installed_folders
from devserver.installed.nodes import installed_nodes
from devserver.stages.kinds import KINDS, all_kinds
from tests.doubles.kill_points import Points
from tests.doubles.programs import ROOT, Server

PAGE = (ROOT / "docs/stages.md").read_text("utf-8").partition("## How to add a stage kind")[2]
WORDS = {"en": "x", "de": "x"}
KIND = "tonewright.stage_kinds"


def install(folder: Path, name: str, files: Mapping[str, str], points: Mapping[str, Mapping[str, str]]) -> None:
    """Put a package where Python finds it, with the entry points of its pyproject.toml."""
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in own.items()) for group, own in points.items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def kind_module(name: str) -> str:
    """A module with a kind of another name."""
    return block("python").replace('name = "signature"', f'name = "{name}"')


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, for this process and the servers that it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_the_kind_on_the_page_is_installed_and_runs(site: Path, tmp_path: Path) -> None:
    points = tomllib.loads(block("toml"))["project"]["entry-points"]
    install(site, "signature", {"signature.py": block("python")}, points)
    own = tmp_path / "own"
    (own / "pipelines").mkdir(parents=True)
    (own / "pipelines/signed.yaml").write_text(block("yaml"), "utf-8")
    (own / "pipelines/nobody.yaml").write_text(block("yaml").replace("name: Ada", "nam: Ada"), "utf-8")
    with Server(tmp_path / "exports", definitions=[str(own)], embedded=False) as server:
        status, body = server.execute(input_text="One", pipeline="signed")
        assert (status, body["final_output"]) == (200, "One\nAda")
        (stage,) = server.run(body["run_id"])["stages"]
        assert (stage["kind"], stage["result"]) == ("signature", {"text": "One\nAda", "signed_by": "Ada"})
        status, told = server.execute(input_text="One", pipeline="nobody")
        assert status == 404
        assert "settings" in told["error"]["message"]
        _, started = server.call("POST", f"/api/runs/{body['run_id']}/rerun")
        assert server.ended(started["run_id"])[1]["final_output"] == "One\nAda"
        told = server.call("POST", "/api/schema/validate", {"kind": "pipeline", "text": block("yaml")})[1]
        assert told == {"valid": True, "problems": []}


def test_a_run_whose_kind_is_no_longer_installed_ends_in_words_and_can_be_looked_at(site: Path, tmp_path: Path) -> None:
    points = tomllib.loads(block("toml"))["project"]["entry-points"]
    install(site, "signature", {"signature.py": block("python")}, points)
    own, exports = tmp_path / "own", tmp_path / "exports"
    (own / "pipelines").mkdir(parents=True)
    (own / "pipelines/signed.yaml").write_text(block("yaml"), "utf-8")
    with Server(exports, definitions=[str(own)], embedded=False) as server:
        _, body = server.execute(input_text="One", pipeline="signed")
    (site / "signature-1.0.dist-info" / "entry_points.txt").unlink()
    with Server(exports, definitions=[str(own)], embedded=False) as server:
        assert server.run(body["run_id"])["stages"][0]["kind"] == "signature"
        status, told = server.call("POST", f"/api/runs/{body['run_id']}/rerun")
        assert (status, told["error"]["field"]) == (422, "pipeline")
        assert "no kind of stage named signature" in told["error"]["message"]


def test_what_cannot_be_loaded_is_one_line_and_all_else_is_in_force(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(site, "broken", {"broken.py": "raise OSError('no\\nway')"}, {KIND: {"broken": "broken:Signature"}})
    install(site, "odd", {"odd.py": "Signature = 3"}, {KIND: {"odd": "odd:Signature"}})
    install(site, "good", {"good.py": kind_module("good")}, {KIND: {"good": "good:Signature"}})
    assert list(all_kinds()) == [*KINDS, "good"]
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "The package broken: broken cannot be loaded: OSError: no way",
        "The package odd: odd is no kind of stage: it must be a StageKind",
    ]


def test_names_that_clash_are_refused_with_both_packages(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("one", "two"):
        install(site, name, {f"{name}.py": kind_module("same")}, {KIND: {name: f"{name}:Signature"}})
    install(site, "ours", {"ours.py": kind_module("graph")}, {KIND: {"ours": "ours:Signature"}})
    assert all_kinds() == KINDS
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "The package one and two: the kind of stage same is brought more than once and not used",
        "The package tonewright and ours: the kind of stage graph is brought more than once and not used",
    ]


RETAKE = """
class Retake(StageKind):
    name = "retake"

    def check(self, stage, pipeline, definitions):
        yield from ()

    def makes(self, stage, pipeline, definitions):
        return {}

    def plan(self, stage, planning):
        yield (StagePlan(name=stage.name, kind=self.name),)

    async def run(self, walk, stage, inputs):
        await walk.add_take("generation", 2)
        await walk.add_take("generation", 3, {"seconds": 2})
        return StageResult()
"""
RETAKEN = """\
label: {en: x, de: x}
description: {en: x, de: x}
stages:
  - {name: generation, kind: graph, chunk: $output}
  - {name: more, kind: retake}
  - {name: master, kind: graph, chunk: mastered_recording, inputs: {audio: generation.main}}
main: [master, generation]
defaults: {schema: plain, output_config: procedural_instrumental}
"""


@pytest.fixture
def retaken(site: Path, tmp_path: Path) -> Path:
    """A folder of definitions with the pipeline `retaken`, whose second stage adds two takes to its first."""
    module = block("python").partition("class Settings")[0] + RETAKE
    install(site, "retake", {"retake.py": module}, {KIND: {"retake": "retake:Retake"}})
    (tmp_path / "own/pipelines").mkdir(parents=True)
    (tmp_path / "own/pipelines/retaken.yaml").write_text(RETAKEN, "utf-8")
    return tmp_path / "own"


ASKED: dict[str, Any] = {"input_text": "house", "pipeline": "retaken", "params": {"seconds": 1, "stems": False}}


def check_takes(server: Server, body: dict[str, Any]) -> dict[int, str]:
    """Look at a run of three takes, of which two were added; the hash of each take's graph."""
    told = server.run(body["run_id"])
    stages = {stage["name"]: stage for stage in told["stages"]}
    takes = {take["take"]: take["result"] for take in stages["generation"]["takes"]}
    assert {number: one["values"]["seconds"] for number, one in takes.items()} == {1: 1, 2: 1, 3: 2}
    assert len({one["values"]["seed"] for one in takes.values()}) == 3
    files = [(one["stage"], one["take"], one["role"]) for one in told["entities"] if one["role"] in ("main", "take")]
    assert sorted(files) == [
        ("generation", 1, "main"),
        ("generation", 2, "take"),
        ("generation", 3, "take"),
        ("master", 1, "main"),
    ]
    assert len({one["filename"] for one in told["entities"]}) == len(told["entities"])
    outputs = body["media_outputs"]
    assert [(one["take"], one["status"], one["metadata"]["parameters"]["seconds"]) for one in outputs] == [
        (1, "success", 1),
        (2, "success", 1),
        (3, "success", 2),
    ]
    assert outputs[0]["metadata"]["filename"].startswith("07_")
    assert len({one["url"] for one in outputs}) == 3
    return {number: one["graph_sha256"] for number, one in takes.items()}


def test_a_stage_adds_takes_to_an_earlier_one_and_a_run_again_has_them_all(retaken: Path, tmp_path: Path) -> None:
    with Server(tmp_path / "exports", definitions=[str(retaken)]) as server:
        status, body = server.execute(**ASKED)
        assert status == 200, body
        graphs = check_takes(server, body)
        _, started = server.call("POST", f"/api/runs/{body['run_id']}/rerun")
        status, again = server.ended(started["run_id"])
        assert status == 200, again
        assert check_takes(server, again) == graphs


@pytest.mark.parametrize(("point", "nth"), [("submitted", 2), ("taken_in", 2), ("submitted", 3), ("taken_in", 3)])
def test_added_takes_survive_a_kill_and_are_made_once(retaken: Path, tmp_path: Path, point: str, nth: int) -> None:
    points = Points(tmp_path / "points")
    points.arm(point, nth)
    with Server(
        tmp_path / "exports", ("-m", "tests.doubles.launcher", str(points.folder)), definitions=[str(retaken)]
    ) as server:
        _, started = server.execute(**ASKED, wait=False)
        points.wait()
        points.disarm()
        server.kill()
    with Server(tmp_path / "exports", definitions=[str(retaken)]) as server:
        status, body = server.ended(started["run_id"])
        assert status == 200, body
        check_takes(server, body)


NODES = """\
class SampleTone:
    FUNCTION, CATEGORY, RETURN_TYPES = "run", "sample", ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def run(self):
        return {}


def table(folders):
    return {"SampleTone": SampleTone}


TAKEN = {"LoadAudio": SampleTone, "SampleOther": SampleTone}
"""


def test_nodes_come_from_a_function_or_a_mapping_but_not_under_a_name_that_is_taken(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = {"tonewright.nodes": {"a": "sample_nodes:table", "b": "sample_nodes:TAKEN"}}
    install(site, "sample_nodes", {"sample_nodes.py": NODES}, points)
    assert sorted(installed_nodes(None, {"LoadAudio": object})) == ["SampleOther", "SampleTone"]
    assert "tonewright and sample_nodes: the node class LoadAudio" in caplog.text


def test_definitions_are_a_folder_unless_they_stand_in_each_others_place(
    site: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain: dict[str, Any] = {"label": WORDS, "description": WORDS, "rule": {"kind": "plain"}}
    for name, config in (("alone", "soft"), ("first", "loud"), ("second", "loud"), ("over", "plain")):
        files = {f"{name}/__init__.py": "", f"{name}/configs/interception/{config}.yaml": json.dumps(plain)}
        install(site, name, files, {"tonewright.definitions": {name: name}})
    assert installed_folders([ROOT / "schemas"]) == [site / "alone"]
    assert "first and second: the interception loud" in caplog.text
    assert "tonewright and over: the interception plain" in caplog.text
    with Server(tmp_path / "exports", embedded=False) as server:
        assert server.execute(input_text="One", schema="soft", pipeline="text_only")[1]["final_output"] == "One"


def test_the_embedded_backend_has_the_nodes_of_installed_packages(site: Path, tmp_path: Path) -> None:
    points = {"tonewright.nodes": {"a": "sample_nodes:table"}}
    install(site, "sample_nodes", {"sample_nodes.py": NODES}, points)
    with Server(tmp_path / "exports") as server:
        status, info = server.call("GET", "/api/backends")
        assert status == 200
        (embedded,) = [one for one in info["backends"] if one["name"] == "embedded"]
        assert embedded["nodes"] == NODES_OF_OUR_OWN + 1


NODES_OF_OUR_OWN = 29
