"""kill -9 of the server, and of the backend, at every named point: nothing is lost, doubled, mixed up or half there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.counting_host import times_freed
from tests.doubles.kill_points import POINTS
from tests.doubles.programs import Server, child_of
from tests.doubles.scene import Run, Scene
from tests.doubles.take_nodes import TAKES
from tests.doubles.together import until

# At each point: which takes the host may finish before the point is armed, at which passing the server stops there, and
# which takes the host may finish then. So the first take is in the folder before the others are half done.
SCRIPT: dict[str, tuple[int, int, int]] = {
    "accepted": (0, 1, 0),
    "dispatched": (0, 1, 0),
    "journalled": (0, 3, 1),
    "submitted": (0, 3, 1),
    "queued": (0, 1, 0),
    "running": (0, 2, 1),
    "written": (1, 1, 2),
    "half_copied": (1, 1, 2),
    "tagged": (1, 1, 2),
    "taken_in": (1, 1, 2),
    "before_final": (1, 1, 3),
}
FIRST_IS_DONE = {"journalled", "submitted", "written", "half_copied", "tagged", "taken_in", "before_final"}
LOST_WITH_THE_BACKEND = {"submitted": {2, 3}, "queued": {1, 2}, "written": {2, 3}, "half_copied": {3}}


@pytest.fixture(scope="module")
def kept() -> Iterator[list[Scene]]:
    """The scene of the case before, whose server and host play on in the next one; a case that fails leaves none."""
    scenes: list[Scene] = []
    yield scenes
    for scene in scenes:
        scene.close()


@pytest.fixture
def scene(
    kept: list[Scene], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Scene]:
    one = kept.pop() if kept else Scene(tmp_path_factory.mktemp("scene"))
    failed = request.session.testsfailed
    yield one
    if request.session.testsfailed == failed:
        kept.append(one)
    else:
        one.close()


def play(scene: Scene, point: str, freeze: tuple[int, ...] = ()) -> Run:
    """Begin a run and stop the server at the point."""
    first, nth, then = SCRIPT[point]
    seed = 100 * POINTS.index(point) + 7 * len(freeze)
    if not first:
        scene.points.arm(point, nth, freeze)
    run = scene.begin(seed)
    if first:
        scene.open(run, first)
        scene.first_take_done(run)
        scene.points.arm(point, nth, freeze)
    scene.open(run, then)
    scene.points.wait()
    run.seen.look(run.folder)
    return run


@pytest.mark.parametrize("point", POINTS)
def test_kill_of_the_server(scene: Scene, point: str) -> None:
    run = play(scene, point)
    scene.kill_server()
    run.open()
    scene.start_server()
    told = scene.end_of(run)
    assert scene.faults(run, told) == []
    assert scene.per_take(run) == dict.fromkeys(range(1, TAKES + 1), 1), "every take was made once"
    attempts = [attempt for stage in told["stages"] for attempt in stage.get("attempts", [])]
    assert len(attempts) == TAKES + (point == "journalled")
    if point in FIRST_IS_DONE:
        assert [name for name in run.seen.places if name.endswith(".wav")], "a finished take was there"


@pytest.mark.parametrize("point", POINTS)
def test_kill_of_the_backend(scene: Scene, point: str) -> None:
    run = play(scene, point, (scene.host.pid,))
    scene.kill_host()
    scene.start_host()
    run.open()
    scene.points.let_go(scene.server.pid)
    told = scene.end_of(run)
    assert scene.faults(run, told) == []
    times, order = scene.per_take(run), scene.order(run)
    if point in FIRST_IS_DONE:
        assert times[order[0]] == 1, "a finished take is not made again"
    lost = {order[place - 1] for place in LOST_WITH_THE_BACKEND.get(point, set())}
    assert {take for take in times if times[take] > 1} >= lost


def test_the_next_server_does_not_try_again_what_failed(scene: Scene) -> None:
    """The server is killed when the attempt has failed, and before its take has."""
    scene.points.arm("taken_in")
    run = scene.begin(3000, fault="error")
    run.open()
    scene.points.wait()
    scene.kill_server()
    scene.start_server()
    told = scene.end_of(run)
    assert (told["status"], told["error"]["code"]) == ("failed", "node_failed")
    assert scene.per_take(run) == dict.fromkeys(range(1, TAKES + 1), 1)


def test_the_next_server_frees_the_memory_that_the_killed_one_had_found_too_little(scene: Scene) -> None:
    scene.points.arm("taken_in")
    run = scene.begin(4000, fault="memory")
    run.open()
    scene.points.wait()
    freed = times_freed(scene.log)
    scene.kill_server()
    scene.start_server()
    told = scene.end_of(run)
    assert told["status"] == "success", (told["error"], [stage.get("attempts") for stage in told["stages"]])
    assert [entity["take"] for entity in told["entities"] if entity["media"] == "audio"] == list(range(1, TAKES + 1))
    assert times_freed(scene.log) > freed
    assert max(scene.per_take(run).values()) == 2


def test_six_runs_that_wait_for_their_turn_survive_a_kill(scene: Scene) -> None:
    runs = [scene.begin(2000 + 10 * number) for number in range(6)]
    scene.kill_server()
    for run in runs:
        run.open()
    scene.start_server()
    for run in runs:
        assert scene.faults(run, scene.end_of(run)) == []
        assert scene.per_take(run) == dict.fromkeys(range(1, TAKES + 1), 1)


def test_a_killed_embedded_backend_is_replaced_and_its_run_tried_again_at_once(tmp_path: Path) -> None:
    with Server(tmp_path / "exports") as server:
        run_id = server.execute(input_text="x", params={"seconds": 60}, wait=False)[1]["run_id"]
        while not [row for row in server.run(run_id)["stages"][-1].get("attempts", []) if row["prompt_id"]]:
            pass
        os.kill(server.child("devserver.host"), signal.SIGKILL)
        status, body = server.ended(run_id)
    assert status == 200, body
    assert body["media_output"]["metadata"]["attempts"] == 2
    assert any("lost" in warning["code"] for warning in body["warnings"])


def test_a_killed_worker_of_the_embedded_backend_is_replaced_and_its_run_tried_again(tmp_path: Path) -> None:
    with Server(tmp_path / "exports") as server:
        run_id = server.execute(input_text="x", params={"seconds": 60}, wait=False)[1]["run_id"]
        running = tmp_path / "exports" / ".state" / "embedded" / "running_prompt"
        until(lambda: running.read_text().strip(), "the prompt at work")
        os.kill(child_of(server.child("devserver.host"), "devserver.host.worker"), signal.SIGKILL)
        status, body = server.ended(run_id, limit_s=60)
    assert status == 200, body
    assert body["media_output"]["metadata"]["attempts"] == 2
    (warning,) = [warning for warning in body["warnings"] if "lost" in warning["code"]]
    assert "memory" in warning["message"]
