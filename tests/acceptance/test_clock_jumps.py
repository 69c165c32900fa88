"""The machine's clock is set an hour ahead and back under a running server and under its restart."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import faketime
from tests.doubles.counting_host import CountedHost, submissions
from tests.doubles.faketime import Jumping
from tests.doubles.programs import Server
from tests.doubles.take_nodes import write_definitions
from tests.doubles.together import Listener, until

pytestmark = pytest.mark.skipif(faketime.library() is None, reason=faketime.NO_FAKETIME)


def test_a_clock_that_jumps_fails_no_run_and_reorders_no_event(tmp_path: Path) -> None:
    clock, log = Jumping(tmp_path), tmp_path / "submissions"
    gates = tmp_path / "gates"
    gates.mkdir()
    definitions = write_definitions(tmp_path / "definitions", takes=1, run_timeout_s=600)
    host = CountedHost(tmp_path / "host", log)
    settings: dict[str, Any] = {"definitions": [str(definitions)], "backends": [{"name": "studio", "url": host.url}]}

    def start() -> Server:
        return Server(tmp_path / "exports", before=clock.before, embedded=False, **settings)

    def begin(seed: int) -> str:
        params = {"gate": str(gates)}
        body = {"input_text": f"run {seed}", "schema": "plain", "seed": seed, "params": params, "wait": False}
        status, told = server.execute(output_config="takes", **body)
        assert status == 202, told
        return str(told["run_id"])

    server = start()
    try:
        runs = []
        for seed, hours in enumerate((0, 1, -1, 2)):
            clock.jump(hours)
            runs.append(begin(seed))
            until(lambda seed=seed: len(submissions(log)) >= min(seed + 1, 2), "the prompt")  # type: ignore[misc]
        (gates / "0").touch()
        assert server.ended(runs[0])[0] == 200
        until(lambda: len(submissions(log)) == 3, "the next prompt")
        server.kill()
        clock.jump(3)  # an hour after the prompts were handed over, or more
        server = start()
        for seed in (1, 2, 3):
            (gates / str(seed)).touch()
        clock.jump(-1)
        for run_id in runs:
            status, body = server.ended(run_id)
            assert (status, body.get("warnings")) == (200, [])
        listener = Listener(server, after=0)
        until(lambda: listener.ended(*runs), "the events")
        listener.close()
        events = listener.stored()
        days = [datetime.fromisoformat(event["at"]) for event in events]
        assert max(days) - min(days) > (days[-1] - days[0]), "the clock was really set"
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        for run_id in runs:
            kinds = [event["kind"] for event in events if event["run_id"] == run_id]
            assert (kinds[0], kinds[1], kinds[-1]) == ("run.queued", "entity", "run.ended")
        assert len(submissions(log)) == len(runs), "nothing was made twice"
    finally:
        server.kill()
        host.kill()
