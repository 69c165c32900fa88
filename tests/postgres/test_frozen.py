"""A database that is frozen: connections stand and nothing answers. The server says so, stops, or goes on with it."""

from __future__ import annotations

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.counting_host import submissions
from tests.doubles.postgres import Postgres
from tests.doubles.together import Together, until

PATIENCE_S = 20.0
TIMES = 20


@pytest.fixture
def together(url: str, tmp_path: Path) -> Iterator[Together]:
    made = Together(tmp_path, url)
    yield made
    made.close()


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    postgres.freeze()
    try:
        yield
    finally:
        postgres.thaw()


def asked(connection: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def at_work(together: Together, seed: int, runs: int = 3) -> tuple[http.client.HTTPConnection, list[str]]:
    """A connection to a server that walks some runs."""
    server = together.server("one", "all")
    run_ids = [together.begin(server, seed + n) for n in range(runs)]
    until(lambda: all(together.submitted(run_id) for run_id in run_ids[:2]), "they are not at work")
    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rpartition(":")[2]), timeout=PATIENCE_S)
    assert asked(connection, "/health")[0] == 200
    return connection, run_ids


def test_health_and_readiness_are_answered_and_the_runs_go_on_afterwards(
    together: Together, postgres: Postgres
) -> None:
    connection, run_ids = at_work(together, 900)
    with frozen(postgres):
        together.open(900, 901, 902)  # so that the walks have something to write
        for _ in range(TIMES):
            status, told = asked(connection, "/health")
            assert (status, told["status"]) == (200, "ok")
        status, told = asked(connection, "/ready")
        assert (status, told["ready"]) == (503, False)
        assert any("has not answered for" in problem for problem in told["problems"]), told
        assert "postgresql://" in str(told["problems"])
    server = together.server("one", "all")
    assert [server.ended(run_id)[1]["status"] for run_id in run_ids] == ["success"] * 3
    assert [len(submissions(together.log, run_id)) for run_id in run_ids] == [1, 1, 1]
    until(lambda: asked(connection, "/ready")[0] == 200, "it is not ready again")
    connection.close()


def test_a_server_stops_although_its_database_is_frozen(together: Together, postgres: Postgres) -> None:
    connection, run_ids = at_work(together, 950)
    server = together.server("one", "all")
    with frozen(postgres):
        together.open(950, 951, 952)
        server._process.send_signal(signal.SIGTERM)
        assert server._process.wait(60) in (0, 1)
    connection.close()
    together.forget("one")
    again = together.server("two", "all")
    assert [again.ended(run_id)[1]["status"] for run_id in run_ids] == ["success"] * 3
    assert [len(submissions(together.log, run_id)) for run_id in run_ids] == [1, 1, 1]
