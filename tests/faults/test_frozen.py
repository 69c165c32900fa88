"""A journal on a disk that takes nothing for a while, or that another program has locked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.frozen import Alone, Ten
from tests.doubles.watched_database import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    folder = tmp_path / "watch"
    folder.mkdir()
    return Watch(folder)


@pytest.fixture
def alone(tmp_path: Path, watch: Watch) -> Iterator[Alone]:
    made = Alone(tmp_path, watch.command)
    yield made
    made.close()


def test_commits_and_fsyncs_that_do_not_end_hold_up_nothing_else(alone: Alone, watch: Watch) -> None:
    ten = Ten(alone, alone.server("one"))
    ten.go_on(watch.held())
    ten.close()


def test_a_write_lock_of_another_program_holds_up_nothing_else(alone: Alone) -> None:
    ten = Ten(alone, alone.server("one"))
    ten.go_on(alone.locked())
    ten.close()


def test_nothing_of_a_whole_run_asks_the_database_on_the_loop(alone: Alone, watch: Watch) -> None:
    server = alone.server("one")
    with watch.watching():
        ten = Ten(alone, server)
        first, (*_, next_to_last, last) = ten.run_ids[0], ten.waiting()
        for path in (
            f"/api/runs/{first}",
            f"/api/runs/{first}/answer",
            "/api/runs?q=run",
            "/api/queue",
            "/api/backends",
            "/metrics",
            "/ready",
        ):
            assert server.call("GET", path)[0] in (200, 202), path
        for path, body in (
            ("/api/queue/pause", {}),
            ("/api/queue/resume", {}),
            ("/api/queue/move", {"run_id": last, "to": "front"}),
            (f"/api/runs/{next_to_last}/cancel", {}),
        ):
            assert server.call("POST", path, body)[0] == 200, path
        alone.open(*ten.seeds)
        states = [server.ended(run_id)[1]["status"] for run_id in ten.run_ids]
        assert sorted(states) == ["cancelled", *["success"] * 9]
        assert server.call("POST", f"/api/runs/{first}/rerun", {})[0] == 202
        assert server.call("GET", f"/api/media/audio/{first}")[0] == 200
        assert server.execute(input_text="waits", output_config="takes", seed=1)[0] == 200
        ten.close()
