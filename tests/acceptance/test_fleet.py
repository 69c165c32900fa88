"""Several backends behind one queue, as somebody with a ComfyUI for each card has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_retries import Studio
from tests.doubles.take_nodes import sick_mark
from tests.doubles.together import until


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    one = Studio(tmp_path, hosts=2)
    yield one
    one.close()


def begin(studio: Studio, number: int, gate: Path, **more: Any) -> str:
    """Begin a run that is made once the file with its number lies in the gate."""
    params = {"gate": str(gate), "seed": number}
    status, body = studio.server.execute(input_text="x", output_config="takes", params=params, wait=False, **more)
    assert status == 202, body
    return str(body["run_id"])


def held(studio: Studio) -> dict[str, int]:
    """How many takes each backend has."""
    queue = studio.server.call("GET", "/api/queue")[1]
    return {backend["name"]: len(backend["held"]) for backend in queue["backends"]}


def test_every_backend_works_and_the_rest_waits_for_whichever_is_free_first(studio: Studio, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.mkdir()
    runs = [begin(studio, number, gate) for number in range(6)]
    until(lambda: held(studio) == {"host0": 1, "host1": 1}, "one at each")
    queue = studio.server.call("GET", "/api/queue")[1]
    assert [entry["position"] for entry in queue["waiting"]] == [1, 2, 3, 4]
    assert {tuple(entry["may"]) for entry in queue["waiting"]} == {("host0", "host1")}
    (gate / "0").touch()  # the one that stays at work keeps nobody waiting
    for number in range(2, 6):
        (gate / str(number)).touch()
    for run_id in [runs[0], *runs[2:]]:
        assert studio.server.ended(run_id)[1]["status"] == "success"
    made = Counter(studio.attempts(run_id)[0]["backend"] for run_id in [runs[0], *runs[2:]])
    assert list(made.values()) == [5], "the other one had the first take all the time"
    (gate / "1").touch()
    assert studio.server.ended(runs[1])[1]["status"] == "success"
    why = [studio.attempts(run_id)[0]["result"]["why_code"] for run_id in runs]
    assert why[:2] == ["placed_idle", "placed_idle"]


def test_a_request_may_name_its_backend(studio: Studio) -> None:
    for name in ("host1", ["host1"], "host0"):
        status, body = studio.server.execute(input_text="x", output_config="takes", backend=name)
        assert status == 200, body
        backend = studio.attempts(body["run_id"])[0]["backend"]
        assert backend == (name if isinstance(name, str) else name[0])
    status, body = studio.server.execute(input_text="x", output_config="takes", backend="host7")
    error = body["error"]
    assert (status, error["field"], error["value"], error["allowed"]) == (404, "backend", "host7", ["host0", "host1"])


def test_a_backend_at_which_takes_fail_that_others_make_is_put_aside(studio: Studio) -> None:
    for backend, work_s in (("host0", 0.0), ("host1", 0.4)):  # host0 is the faster one, so it is asked first
        for _ in range(3):
            params = {"work_s": work_s, "seed": 3}
            assert (
                studio.server.execute(input_text="x", output_config="takes", backend=backend, params=params)[0] == 200
            )
    sick_mark(studio.folder / "host-0").touch()
    failed = Counter[str]()
    for number in range(8):
        status, body = studio.server.execute(input_text="x", output_config="takes", params={"seed": number})
        assert status == 200, body
        attempts = studio.attempts(body["run_id"])
        failed += Counter(attempt["backend"] for attempt in attempts if attempt["state"] == "failed")
        if len(attempts) == 2:
            assert attempts[1]["result"]["again"]["code"] == "node_failed"
            assert [warning["code"] for warning in body["warnings"]] == ["elsewhere_1"]
    assert failed == {"host0": 3}
    backends = studio.server.call("GET", "/api/backends")[1]["backends"]
    sick = next(backend for backend in backends if backend["name"] == "host0")
    assert (sick["put_aside"], sick["faults"]) == (True, 3)
    assert "illegal memory access" in sick["last_fault"]


def test_a_take_that_fails_at_two_backends_fails_and_puts_nobody_aside(studio: Studio) -> None:
    for _ in range(4):
        status, body = studio.server.execute(input_text="x", output_config="takes", params={"fault": "error"})
        assert (status, body["error"]["code"]) == (502, "node_failed")
        assert sorted(one["backend"] for one in studio.attempts(body["run_id"])) == ["host0", "host1"]
    backends = studio.server.call("GET", "/api/backends")[1]["backends"]
    assert not any(backend["put_aside"] for backend in backends)
