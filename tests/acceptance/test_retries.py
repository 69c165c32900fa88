"""What is tried again and what is not, and what the record says of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.counting_host import CountedHost, submissions, times_freed
from tests.doubles.programs import Server
from tests.doubles.take_nodes import write_definitions
from tests.doubles.together import until

PAUSE_S = 0.2


class Studio:
    """A server with hosts that write down what they get; each has one log with the others."""

    def __init__(self, folder: Path, hosts: int = 1, **settings: Any) -> None:
        self.folder, self.log = folder, folder / "submissions"
        definitions = write_definitions(folder / "definitions", takes=1)
        with ExitStack() as started:
            self.hosts = [started.enter_context(CountedHost(folder / f"host-{n}", self.log)) for n in range(hosts)]
            backends = [{"name": f"host{n}", "url": host.url} for n, host in enumerate(self.hosts)]
            given = {"definitions": [str(definitions)], "backends": backends, "retry_pause_s": PAUSE_S, "attempts": 3}
            given |= {"embedded": False, "probe_s": 0.5, "elsewhere_after_s": 0.2, "log_level": "error"}
            self.server = started.enter_context(Server(folder / "exports", **{**given, **settings}))
            self._started = started.pop_all()

    def close(self) -> None:
        self._started.close()

    def execute(self, **params: Any) -> tuple[int, dict[str, Any], list[dict[str, Any]]]:
        """Status, answer, and the attempts as the record has them."""
        status, body = self.server.execute(input_text="x", output_config="takes", params=params)
        return status, body, self.attempts(body["run_id"])

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.server.run(run_id)["stages"][-1].get("attempts", [])
        return found

    def submitted(self, run_id: str) -> int:
        return len(submissions(self.log, run_id))


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    one = Studio(tmp_path_factory.mktemp("studio"))
    yield one
    one.close()


def test_a_lack_of_memory_frees_the_models_once_and_tries_once_more(studio: Studio) -> None:
    freed = times_freed(studio.log)
    status, body, attempts = studio.execute(fault="memory")
    assert status == 200, body
    assert [attempt["state"] for attempt in attempts] == ["failed", "success"]
    assert attempts[0]["result"]["error"]["code"] == "out_of_memory"
    again = attempts[1]["result"]["again"]
    assert (again["after"], again["code"], again["freed"]) == (1, "out_of_memory", True)
    assert again["waited_s"] >= PAUSE_S / 2
    assert [warning["code"] for warning in body["warnings"]] == ["memory_1"]
    assert times_freed(studio.log) == freed + 1


def test_a_lack_of_memory_that_freeing_does_not_end_fails(studio: Studio) -> None:
    freed = times_freed(studio.log)
    status, body, attempts = studio.execute(fault="always_memory")
    assert (status, body["error"]["code"]) == (502, "out_of_memory")
    assert "Ask for less" in body["error"]["hint"]
    assert [attempt["state"] for attempt in attempts] == ["failed", "failed"]
    assert times_freed(studio.log) == freed + 1


def test_a_killed_worker_process_is_a_lost_attempt(studio: Studio, tmp_path: Path) -> None:
    """As when the system kills it because memory runs out; a host outlives it."""
    body = {"input_text": "x", "output_config": "takes", "params": {"gate": str(tmp_path)}, "seed": 1, "wait": False}
    run_id = studio.server.execute(**body)[1]["run_id"]
    until(studio.hosts[0].runs_something, "the prompt at work")
    os.kill(studio.hosts[0].child("devserver.host.worker"), signal.SIGKILL)
    (tmp_path / "1").touch()
    status, told = studio.server.ended(run_id)
    assert status == 200, told
    lost, made = studio.attempts(run_id)
    assert (lost["state"], lost["result"]["error"]["code"]) == ("lost", "worker_lost")
    assert "SIGKILL" in lost["result"]["error"]["message"]
    assert "memory" in lost["result"]["error"]["message"]
    assert (made["state"], made["result"]["again"]["code"]) == ("success", "worker_lost")
    assert [warning["code"] for warning in told["warnings"]] == ["attempt_1_1_lost"]


def test_a_node_that_kills_its_worker_each_time_ends_with_words_about_memory(studio: Studio) -> None:
    status, body, attempts = studio.execute(fault="kills_worker")
    assert (status, body["error"]["code"]) == (502, "attempts_lost")
    assert "3 attempts were lost" in body["error"]["message"]
    assert "memory" in body["error"]["message"]
    assert "Ask for less" in body["error"]["hint"]
    assert [attempt["state"] for attempt in attempts] == ["lost"] * 3
    assert studio.execute()[0] == 200, "the next one has a new worker"


@pytest.mark.parametrize(("fault", "code", "taken"), [("error", "node_failed", 1), ("refused", "graph_refused", 0)])
def test_what_would_fail_again_is_not_tried_again(studio: Studio, fault: str, code: str, taken: int) -> None:
    status, body, attempts = studio.execute(fault=fault)
    assert (status, body["error"]["code"]) == (502, code)
    assert [(attempt["state"], attempt["result"]["error"]["code"]) for attempt in attempts] == [("failed", code)]
    assert studio.submitted(body["run_id"]) == taken


def test_what_is_lost_again_and_again_is_tried_up_to_the_limit_with_longer_pauses(studio: Studio) -> None:
    status, body, attempts = studio.execute(fault="gone")
    assert (status, body["error"]["code"]) == (502, "attempts_lost")
    assert "3 attempts were lost" in body["error"]["message"]
    assert [attempt["result"]["error"]["code"] for attempt in attempts] == ["file_lost"] * 3
    assert all(attempt["ended_at"] and attempt["backend"] == "host0" for attempt in attempts)
    assert "again" not in attempts[0]["result"]
    for tries, attempt in enumerate(attempts[1:], 1):
        again = attempt["result"]["again"]
        assert (again["after"], again["code"]) == (tries, "file_lost")
        assert again["waited_s"] >= PAUSE_S * 2 ** (tries - 1) / 2
    assert studio.submitted(body["run_id"]) == 3


def test_a_download_that_breaks_again_and_again_is_no_reason_to_make_the_file_again(studio: Studio) -> None:
    cuts = studio.folder / "host-0" / "cuts"
    cuts.mkdir()
    for n in range(9):  # more than a download is tried, with what the HTTP client tries of its own accord
        (cuts / str(n)).touch()
    status, body, attempts = studio.execute()
    assert status == 200, body
    assert [attempt["result"]["silences"] >= 1 for attempt in attempts] == [True]
    assert studio.submitted(body["run_id"]) == 1
    assert not list(cuts.iterdir())


def test_a_take_of_a_dead_backend_is_made_elsewhere(tmp_path: Path) -> None:
    studio = Studio(tmp_path, hosts=2)
    try:
        gate = tmp_path / "gate"
        gate.mkdir()
        params = {"gate": str(gate), "seed": 1}
        _, started = studio.server.execute(input_text="x", output_config="takes", params=params, wait=False)
        while not studio.hosts[0].runs_something():
            pass
        studio.hosts[0].kill()
        (gate / "1").touch()
        status, body = studio.server.ended(started["run_id"])
        attempts = studio.attempts(started["run_id"])
        assert status == 200, body
        told = [(attempt["backend"], attempt["state"]) for attempt in attempts]
        assert told == [("host0", "lost"), ("host1", "success")]
        assert attempts[0]["result"]["error"]["code"] == "backend_silent"
        assert "host1 can make the same" in attempts[0]["result"]["error"]["message"]
    finally:
        studio.close()
