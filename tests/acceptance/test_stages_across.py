"""Four graph stages, the first on another backend than the others; with ``COMFYUI_URL`` also on a real ComfyUI.

The ComfyUI needs our node folder in its ``custom_nodes``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.test_stages import STAGES, consistent, hashes
from tests.doubles import home_nodes, piece_nodes
from tests.doubles.kill_points import Points
from tests.doubles.programs import ROOT, NodeHost, Server

# What the first stage makes there: a double's pieces in our host, a draft by our nodes in a ComfyUI.
OUTPUTS = {"host": "pieces", **({"comfyui": "mastered_song"} if os.environ.get("COMFYUI_URL") else {})}


@pytest.fixture(params=OUTPUTS)
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of the other backend, and the output config that the first stage makes there."""
    output = OUTPUTS[request.param]
    if request.param == "comfyui":
        yield os.environ["COMFYUI_URL"], output
        return
    with NodeHost(tmp_path / "host", "tests.doubles.piece_nodes:alone") as host:
        yield host.url, output


def check(server: Server, run_id: str, main: str) -> None:
    """Look at a run in which every stage was tried once, the first one elsewhere."""
    assert consistent(server, run_id) == dict.fromkeys(STAGES, 1)
    run = server.run(run_id)
    where = {one["name"]: one["attempts"][0]["backend"] for one in run["stages"] if one["name"] in STAGES}
    assert where == {**dict.fromkeys(STAGES, "embedded"), "generation": "studio"}
    (seventh,) = [one for one in run["entities"] if one["number"] == 7]
    assert (seventh["stage"], seventh["role"]) == (main, "main")
    _, served = server.call("GET", f"/api/media/audio/{run_id}")
    assert served == (server.exports / run_id / seventh["filename"]).read_bytes()


@pytest.mark.parametrize("main", [["master", "generation"], []])
def test_a_server_killed_between_each_two_stages_goes_on_and_its_record_runs_again(
    elsewhere: tuple[str, str], main: list[str], tmp_path: Path
) -> None:
    url, output = elsewhere
    own, points, exports = tmp_path / "own", Points(tmp_path / "points"), tmp_path / "exports"
    home_nodes.write_definitions(piece_nodes.write_definitions(own))
    pipeline = yaml.safe_load((ROOT / "schemas/pipelines/mastered_song.yaml").read_text("utf-8"))
    (own / "pipelines").mkdir()
    (own / "pipelines/mastered_song.yaml").write_text(yaml.safe_dump({**pipeline, "main": main}), "utf-8")
    asked: dict[str, Any] = {"input_text": "house", "pipeline": "mastered_song", "output_config": output}
    asked |= {"params": {"seconds": 2}} if output == "mastered_song" else {}

    def start() -> Server:
        command = ("-m", "tests.doubles.launcher", str(points.folder), "tests.doubles.home_nodes:table")
        return Server(exports, command, definitions=[str(own)], backends=[{"name": "studio", "url": url}])

    run_id = ""
    for _ in STAGES[:-1]:
        points.arm("taken_in")
        with start() as server:
            run_id = run_id or server.execute(**asked, wait=False)[1]["run_id"]
            points.wait()
            points.disarm()
            server.kill()
    with start() as server:
        status, body = server.ended(run_id)
        assert status == 200, body
        check(server, run_id, [*main, "generation"][0])
        graphs = hashes(server, body)
    for path in (exports / ".state").glob("journal*"):
        path.unlink()
    command = [sys.executable, "server.py", "doctor", "--rebuild", "--exports", str(exports)]
    subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
    with start() as server:
        _, started = server.call("POST", f"/api/runs/{run_id}/rerun")
        status, again = server.ended(started["run_id"])
        assert status == 200, again
        check(server, started["run_id"], [*main, "generation"][0])
        assert hashes(server, again) == graphs
