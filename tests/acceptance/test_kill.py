"""kill -9 of the server: what it had accepted is finished by the next one, and nothing is submitted twice."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.doubles.programs import NodeHost, Server

RUNS = 6


def test_six_queued_runs_survive_and_the_host_sees_six_prompts(tmp_path: Path, exports: Path) -> None:
    with NodeHost(tmp_path / "host") as host:
        backend = {"name": "studio", "url": host.url}
        first = Server(exports, embedded=False, backends=[backend])
        lengths = [20 + number for number in range(RUNS)]
        accepted = [
            first.execute(input_text=f"run {n} of six", schema="dada", params={"seconds": n}, wait=False)[1]["run_id"]
            for n in lengths
        ]
        first.kill()
        with Server(exports, embedded=False, backends=[backend]) as second:
            statuses = [second.ended(run_id)[0] for run_id in accepted]
            ended = [second.run(run_id) for run_id in accepted]
        assert statuses == [200] * RUNS
        assert [told["status"] for told in ended] == ["success"] * RUNS, [told["error"] for told in ended]
        assert len(host.history()) == RUNS
        for told, seconds in zip(ended, lengths, strict=True):
            main = next(entity for entity in told["entities"] if entity["role"] == "main")
            assert abs(main["facts"]["seconds"] - seconds) < 0.1
            texts = [stage["started_at"] for stage in told["stages"] if stage["name"] == "interception"]
            assert texts, "the finished text stage was kept"
        assert not list(exports.glob("*/*.part"))


def test_a_killed_embedded_backend_is_replaced_and_its_run_tried_again_at_once(exports: Path) -> None:
    with Server(exports) as server:
        run_id = server.execute(input_text="x", params={"seconds": 60}, wait=False)[1]["run_id"]
        while not [row for row in server.run(run_id)["stages"][-1].get("attempts", []) if row["prompt_id"]]:
            pass
        os.kill(server.child("devserver.agents"), signal.SIGKILL)
        status, body = server.ended(run_id, limit_s=60)
    assert status == 200, body
    assert body["media_output"]["metadata"]["attempts"] == 2
    assert any("lost" in warning["code"] for warning in body["warnings"])
