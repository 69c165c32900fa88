"""A server that dies again and again: what waits does not notice, what takes it down ends, and nobody else with it."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.programs import Server
from tests.doubles.take_nodes import TABLE, write_definitions
from tests.doubles.together import until


class Home:
    """A folder in which one server after another is started, whose embedded backend has the node `TakeMaker`."""

    def __init__(self, folder: Path) -> None:
        self.exports, self.gates = folder / "exports", folder / "gates"
        self.gates.mkdir()
        self._points, self._definitions = folder / "points", write_definitions(folder / "definitions", takes=1)
        self.start()

    def start(self) -> None:
        command = ("-m", "tests.doubles.launcher", str(self._points), TABLE)
        self.server = Server(self.exports, command, definitions=[str(self._definitions)], attempts=2)

    def begin(self, seed: int, **params: Any) -> str:
        body = {"input_text": f"run {seed}", "schema": "plain", "seed": seed, "params": params, "wait": False}
        status, told = self.server.execute(output_config="takes", **body)
        assert status == 202, told
        return str(told["run_id"])

    def begin_gated(self, seed: int) -> str:
        return self.begin(seed, gate=str(self.gates))

    def open(self, seed: int) -> None:
        (self.gates / str(seed)).touch()

    def attempts(self, run_id: str) -> list[dict[str, Any]]:
        stages = self.server.run(run_id)["stages"]
        return [attempt for stage in stages for attempt in stage.get("attempts", [])]

    def at_work(self, run_id: str, attempts: int = 1) -> bool:
        """Whether the newest of so many attempts is what the embedded backend runs now."""
        known = self.attempts(run_id)
        running = (self.exports / ".state" / "embedded" / "running_prompt").read_text().strip()
        return len(known) >= attempts and known[-1]["prompt_id"] == running

    def stops(self, run_id: str) -> int:
        with sqlite3.connect(self.exports / ".state" / "journal.sqlite") as journal:
            (most,) = journal.execute("SELECT max(stops) FROM stages WHERE run_id = ?", (run_id,)).fetchone()
        return int(most)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    one = Home(tmp_path)
    yield one
    one.server.kill()


def test_a_paused_queue_outlives_every_kill(home: Home) -> None:
    home.server.call("POST", "/api/queue/pause", {})
    runs = [home.begin(seed) for seed in range(8)]
    for _ in range(6):
        until(lambda: len(home.server.call("GET", "/api/queue")[1]["waiting"]) == 8, "the queue")
        home.server.kill()
        home.start()
    assert {home.stops(run_id) for run_id in runs} == {0}
    home.server.call("POST", "/api/queue/resume", {})
    for run_id in runs:
        assert home.server.ended(run_id)[0] == 200
        assert len(home.attempts(run_id)) == 1


def test_a_run_that_kills_its_server_five_times_ends_and_its_neighbours_live(home: Home) -> None:
    home.server.call("POST", "/api/queue/pause", {})
    before, deadly, *after = [home.begin(seed, fault="kills_server" if seed == 1 else "none") for seed in range(5)]
    home.server.call("POST", "/api/queue/resume", {})
    deaths, deadline = 0, time.monotonic() + 180
    while home.stops(deadly) < 5 or home.server.run(deadly)["status"] == "running":
        assert time.monotonic() < deadline
        until(lambda: not home.server.alive or home.stops(deadly) >= 5, "the next death")
        if not home.server.alive:
            deaths += 1
            home.server.kill()
            home.start()
    told = home.server.run(deadly)
    assert (told["status"], told["error"]["code"], deaths) == ("failed", "stopped_the_server", 5)
    for run_id in (before, *after):
        assert home.server.ended(run_id)[0] == 200
        assert home.stops(run_id) == 0


def test_what_is_ready_behind_a_prompt_is_neither_counted_nor_given_up(home: Home) -> None:
    first = home.begin_gated(0)
    until(lambda: home.at_work(first), "the first prompt at work")
    ready = home.begin_gated(1)
    until(lambda: home.attempts(ready), "the second prompt ready")
    home.server.kill()
    home.start()
    until(lambda: len(home.attempts(first)) == len(home.attempts(ready)) == 2, "both submitted again")
    assert (home.stops(first), home.stops(ready)) == (1, 0)
    home.open(0)
    home.open(1)
    for run_id in (first, ready):
        assert home.server.ended(run_id)[0] == 200
        lost, made = home.attempts(run_id)
        assert (lost["state"], lost["result"]["error"]["code"]) == ("lost", "server_stopped")
        assert made["result"]["again"] == {"after": 1, "code": "server_stopped", "waited_s": 0.0}
    assert home.stops(first) == 0, "a finished take sets the count back"


def test_stopping_the_server_cleanly_is_never_held_against_a_run(home: Home) -> None:
    run_id = home.begin_gated(0)
    for number in (1, 2):
        until(lambda number=number: home.at_work(run_id, number), "the prompt at work")  # type: ignore[misc]
        home.server.stop()
        home.start()
    assert home.stops(run_id) == 0
    home.open(0)
    assert home.server.ended(run_id)[0] == 200


def test_an_embedded_backend_that_dies_under_a_living_server_counts_as_a_lost_attempt(home: Home) -> None:
    run_id = home.begin_gated(0)
    for number in (1, 2):
        until(lambda number=number: home.at_work(run_id, number), "the prompt at work")  # type: ignore[misc]
        os.kill(home.server.child("devserver.host"), signal.SIGKILL)
    until(lambda: home.server.run(run_id)["ended_at"] or len(home.attempts(run_id)) > 2, "the end, or a third attempt")
    status, body = home.server.ended(run_id, limit_s=5)
    assert (status, body["error"]["code"]) == (502, "attempts_lost"), body
    assert [attempt["result"]["error"]["code"] for attempt in home.attempts(run_id)] == ["prompt_lost"] * 2
