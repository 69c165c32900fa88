"""Four graph stages that read from each other, as the pipeline `mastered_song` has them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from devserver.media.tags import read_tags
from tests.doubles.kill_points import Points
from tests.doubles.programs import Server

STAGES = ("generation", "analysis", "master", "film")


@pytest.fixture(scope="module")
def song(server: Server) -> dict[str, Any]:
    """The answer of a run of all four."""
    status, body = server.execute(
        input_text="My house", output_config="mastered_song", preset="draft", params={"seconds": 4}
    )
    assert status == 200, body
    return dict(body)


def entities(server: Server, body: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The run's files by stage and role."""
    return {(one["stage"], one["role"]): one for one in server.run(body["run_id"])["entities"]}


def folder(server: Server, body: dict[str, Any]) -> Path:
    return server.exports / str(body["run_id"])


def test_every_stage_makes_its_own_file_of_the_one_that_it_reads(server: Server, song: dict[str, Any]) -> None:
    files = entities(server, song)
    stages = {stage["name"]: stage for stage in server.run(song["run_id"])["stages"]}
    for stage, source in (
        ("analysis", ("generation", "main")),
        ("master", ("generation", "main")),
        ("film", ("master", "main")),
    ):
        values = stages[stage]["takes"][0]["result"]["values"]
        assert values["audio"]["sha256"] == files[source]["sha256"], stage
    report = json.loads((folder(server, song) / files["analysis", "data"]["filename"]).read_text())
    assert report["loudness_lufs"] == pytest.approx(-23, abs=1)
    assert files["film", "main"]["media"] == "video"


def test_the_master_is_what_the_run_is_for(server: Server, song: dict[str, Any]) -> None:
    files = entities(server, song)
    assert files["master", "main"]["filename"] == "07_output_audio.flac"
    output = song["media_output"]
    assert (output["url"], output["metadata"]["filename"]) == (
        f"/api/media/audio/{song['run_id']}",
        "07_output_audio.flac",
    )
    _, served = server.call("GET", output["url"])
    assert served == (folder(server, song) / "07_output_audio.flac").read_bytes()
    assert (output["config"], output["status"]) == ("mastered_song", "success")


def test_the_outline_is_that_of_the_master(server: Server, song: dict[str, Any]) -> None:
    files = entities(server, song)
    _, outline = server.call("GET", f"/api/media/peaks/{song['run_id']}")
    draft = json.loads((folder(server, song) / files["generation", "peaks"]["filename"]).read_text())
    assert max(map(abs, outline["data"])) > max(map(abs, draft["data"]))


def test_only_the_output_that_was_asked_for_has_the_preset(song: dict[str, Any]) -> None:
    assert [warning for warning in song["warnings"] if warning["code"] == "preset_left_out"] == []
    assert song["media_output"]["preset"] == "draft"


def test_the_answer_lists_what_every_stage_has_made(server: Server, song: dict[str, Any]) -> None:
    listed = song["media_output"]["stages"]
    assert [one["stage"] for one in listed if one["role"] in ("main", "data")] == list(STAGES)
    for one in listed:
        status, content = server.call("GET", one["url"])
        assert (status, len(content) if isinstance(content, bytes) else one["bytes"]) == (200, one["bytes"])


def test_the_graph_and_its_tag_stay_those_of_the_output(server: Server, song: dict[str, Any]) -> None:
    graph = json.loads((folder(server, song) / "06_graph.json").read_text())
    assert "TonewrightCompose" in {node["class_type"] for node in graph.values()}
    files = entities(server, song)
    draft, master = (
        read_tags(folder(server, song) / files[stage, "main"]["filename"]) for stage in ("generation", "master")
    )
    assert draft.prompt == master.prompt is not None
    assert (draft.title, master.title) == ("My house (generation)", "My house")
    assert (master.bpm, master.key) == (draft.bpm, draft.key)
    assert master.bpm is not None


def test_a_rerun_compiles_the_same_graphs(server: Server, song: dict[str, Any]) -> None:
    _, started = server.call("POST", f"/api/runs/{song['run_id']}/rerun")
    status, again = server.ended(started["run_id"])
    assert status == 200, again
    assert hashes(server, again) == hashes(server, song)


def hashes(server: Server, body: dict[str, Any]) -> dict[str, Any]:
    """The hash of each stage's compiled graph."""
    outputs = {one["stage"]: one for one in server.run(body["run_id"])["resolved"]["outputs"]}
    assert list(outputs) == list(STAGES)
    return {stage: one["graph_sha256"] for stage, one in outputs.items()}


def test_takes_and_outputs_go_through_all_stages(server: Server) -> None:
    status, body = server.execute(
        input_text="2 versions of a house",
        pipeline="mastered_song",
        output_config=["mastered_song", "procedural_instrumental"],
        params={"generation.seconds": 2, "generation_2.seconds": 2},
    )
    assert status == 200, body
    made = [
        (one["config"], one["take"], {s["stage"] for s in one["stages"] if s["role"] != "stem"})
        for one in body["media_outputs"]
    ]
    first, second = set(STAGES), {f"{stage}_2" for stage in STAGES}
    assert made == [
        ("mastered_song", 1, first),
        ("mastered_song", 2, first),
        ("procedural_instrumental", 1, second),
        ("procedural_instrumental", 2, second),
    ]
    assert len({one["url"] for one in body["media_outputs"]}) == 4


def consistent(server: Server, run_id: str) -> dict[str, int]:
    """The attempts of each stage of a run in which nothing was lost, doubled or mixed up."""
    told, run_folder = server.run(run_id), server.exports / run_id
    stages = {stage["name"]: stage for stage in told["stages"]}
    made = {(one["stage"], one["take"]): one for one in told["entities"] if one["role"] in ("main", "data")}
    files = {stage: made.pop((stage, 1)) for stage in STAGES}
    assert not [place for place in made if place[1]], "a file that nothing was to make"
    for stage, source in (("analysis", "generation"), ("master", "generation"), ("film", "master")):
        values = stages[stage]["takes"][0]["result"]["values"]
        assert values["audio"]["sha256"] == files[source]["sha256"], stage
    for one in files.values():
        assert hashlib.sha256((run_folder / one["filename"]).read_bytes()).hexdigest() == one["sha256"]
    assert not list(run_folder.glob("*.part"))
    return {stage: len(stages[stage]["attempts"]) for stage in STAGES}


@pytest.mark.parametrize(("point", "passed_again"), [("submitted", True), ("written", True), ("taken_in", False)])
def test_a_server_that_is_killed_in_every_stage_goes_on_where_it_was(
    tmp_path: Path, point: str, *, passed_again: bool
) -> None:
    """Inside each stage, and between each two: when the attempt of one has ended, and its stage has not."""
    points, exports = Points(tmp_path / "points"), tmp_path / "exports"
    command = ("-m", "tests.doubles.launcher", str(points.folder))
    asked: dict[str, Any] = {"output_config": "mastered_song", "params": {"seconds": 2, "film.bars": "wide"}}
    run_id, at_work = "", list[str]()
    for number in range(len(STAGES)):
        # A stage that was killed inside of its attempt passes the point once more, before the next one does.
        points.arm(point, 2 if number and passed_again else 1)
        with Server(exports, command) as server:
            run_id = run_id or server.execute(input_text="house", **asked, wait=False)[1]["run_id"]
            points.wait()
            points.disarm()
            server.kill()
        at_work.append(newest_stage(exports, run_id))
    assert at_work == list(STAGES)
    with Server(exports) as server:
        status, body = server.ended(run_id)
        assert status == 200, body
        assert consistent(server, run_id) == dict.fromkeys(STAGES, 2 if passed_again else 1)


def newest_stage(exports: Path, run_id: str) -> str:
    """The stage of the attempt that a killed server had begun last."""
    sql = "SELECT stage FROM stages WHERE run_id = ? AND attempt > 0 ORDER BY number DESC LIMIT 1"
    with closing(sqlite3.connect(exports / ".state" / "journal.sqlite")) as journal:
        return str(journal.execute(sql, (run_id,)).fetchone()[0])


WORDS = {"en": "x", "de": "x"}
UNMADE: dict[str, Any] = {
    "chunks/unmade.yaml": {
        "kind": "graph",
        "description": WORDS,
        "graph": "analysis",
        "parameters": {"audio": {"type": "file", "description": WORDS, "sets": ["1.audio"]}},
        "outputs": [{"node": "3", "key": "audio", "media": "audio", "format": "flac", "optional": True}],
    },
    "pipelines/unmade.yaml": {
        "label": WORDS,
        "description": WORDS,
        "stages": [
            {"name": "generation", "kind": "graph", "chunk": "$output"},
            {"name": "mix", "kind": "graph", "chunk": "mastered_recording", "inputs": {"audio": "generation.main"}},
            {"name": "master", "kind": "graph", "chunk": "unmade", "inputs": {"audio": "mix.main"}},
        ],
        "main": ["master", "mix"],
        "defaults": {"schema": "plain", "output_config": "procedural_instrumental"},
    },
}


def test_where_the_first_main_stage_made_nothing_the_next_one_is_what_the_run_is_for(tmp_path: Path) -> None:
    own, points, exports = tmp_path / "own", Points(tmp_path / "points"), tmp_path / "exports"
    for name, content in UNMADE.items():
        (own / name).parent.mkdir(parents=True)
        (own / name).write_text(json.dumps(content))  # YAML takes JSON
    points.arm("before_final")
    command = ("-m", "tests.doubles.launcher", str(points.folder))
    asked: dict[str, Any] = {"input_text": "x", "pipeline": "unmade", "params": {"seconds": 1, "stems": False}}
    with Server(exports, command, definitions=[str(own)]) as server:
        _, started = server.execute(**asked, wait=False)
        points.wait()
        points.disarm()
        server.kill()
    with Server(exports, definitions=[str(own)]) as server:
        status, body = server.ended(started["run_id"])
        assert status == 200, body
        mains = [one for one in server.run(body["run_id"])["entities"] if one["role"] == "main"]
        assert [(one["number"], one["stage"]) for one in mains] == [(7, "mix"), (9, "generation")]
        assert body["media_output"]["metadata"]["filename"] == "07_output_audio.flac"
        file = (folder(server, body) / "07_output_audio.flac").read_bytes()
        assert server.call("GET", f"/api/media/audio/{body['run_id']}") == (200, file)
        assert not (folder(server, body) / "08_output_audio.flac").exists()
