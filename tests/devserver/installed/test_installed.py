"""What installed packages bring: kinds of stages, nodes, definitions; in the form that docs/stages.md shows."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.devserver.installed.test_nodes import NODES
from tests.doubles.kill_points import Points
from tests.doubles.packages import block, install
from tests.doubles.programs import Server

KIND = "tonewright.stage_kinds"


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


def test_the_embedded_backend_has_the_nodes_of_installed_packages(site: Path, tmp_path: Path) -> None:
    points = {"tonewright.nodes": {"a": "sample_nodes:table"}}
    install(site, "sample_nodes", {"sample_nodes.py": NODES}, points)
    with Server(tmp_path / "exports") as server:
        status, info = server.call("GET", "/api/backends")
        assert status == 200
        (embedded,) = [one for one in info["backends"] if one["name"] == "embedded"]
        assert embedded["nodes"] == NODES_OF_OUR_OWN + 1


NODES_OF_OUR_OWN = 29
