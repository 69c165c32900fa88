"""A database that is frozen: connections stand and nothing answers. The server says so, stops, or goes on with it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles.counting_host import submissions
from tests.doubles.frozen import Ten
from tests.doubles.postgres import Postgres
from tests.doubles.together import Together, until
from tests.doubles.watched_database import Watch


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


def test_the_server_says_so_and_all_runs_go_on_afterwards(together: Together, postgres: Postgres) -> None:
    ten = Ten(together, together.server("one", "all"))
    ten.go_on(frozen(postgres))
    ten.close()


def test_nothing_of_a_whole_run_asks_the_database_on_the_loop(together: Together, tmp_path: Path) -> None:
    folder = tmp_path / "watch"
    folder.mkdir()
    watch = Watch(folder)
    server = together.server("one", "all", command=watch.command)
    with watch.watching():
        run_ids = [together.begin(server, seed, gated=False) for seed in (920, 921)]
        assert [server.ended(run_id)[1]["status"] for run_id in run_ids] == ["success"] * 2
        for path in ("/api/runs?q=run", "/api/queue", "/metrics", "/ready"):
            assert server.call("GET", path)[0] == 200, path


def test_a_server_stops_although_its_database_is_frozen(together: Together, postgres: Postgres) -> None:
    server = together.server("one", "all")
    run_ids = [together.begin(server, 950 + n) for n in range(3)]
    until(lambda: sum(bool(together.submitted(run_id)) for run_id in run_ids) == 2, "they are not at work")
    with frozen(postgres):
        together.open(950, 951, 952)
        server._process.send_signal(signal.SIGTERM)
        assert server._process.wait(60) in (0, 1)
    together.forget("one")
    again = together.server("two", "all")
    assert [again.ended(run_id)[1]["status"] for run_id in run_ids] == ["success"] * 3
    assert [len(submissions(together.log, run_id)) for run_id in run_ids] == [1, 1, 1]
