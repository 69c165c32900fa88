"""Ten runs at a server whose database gives no answer for a while: what it says meanwhile, and how they end."""

from __future__ import annotations

import http.client
import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.doubles.counting_host import submissions
from tests.doubles.programs import Server
from tests.doubles.together import Listener, Together, until
from tests.patience import PATIENCE_S

RUNS = 10
TIMES = 50


class Alone(Together):
    """One process over SQLite, which is watched."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        super().__init__(folder, "")
        del self._settings["database_url"]
        self._command = command

    def server(self, name: str, role: str = "", **more: Any) -> Server:  # noqa: ARG002 - there is no other role
        if name not in self._running:
            self._running[name] = Server(self.exports, self._command, **{**self._settings, **more})
        return self._running[name]

    @property
    def journal(self) -> Path:
        return self.exports / ".state" / "journal.sqlite"

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with sqlite3.connect(self.journal) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql.replace("%s", "?"), values)]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the write lock of the journal."""
        connection = sqlite3.connect(self.journal, isolation_level=None, timeout=PATIENCE_S)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()


class Asked:
    """One connection to a server."""

    def __init__(self, server: Server) -> None:
        port = int(server.url.rpartition(":")[2])
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any, dict[str, str]]:
        self.connection.request(method, path, json.dumps(body) if body else None)
        response = self.connection.getresponse()
        return response.status, json.loads(response.read()), dict(response.getheaders())


class Ten:
    """Ten runs, of which some are at work and the others wait for them."""

    def __init__(self, place: Together, server: Server, first: int = 900) -> None:
        self.place, self.server, self.seeds = place, server, range(first, first + RUNS)
        self.run_ids = [place.begin(server, seed) for seed in self.seeds]
        # A backend that is free goes to whichever run is ready first, so that these need not be the first two.
        until(lambda: sum(bool(place.submitted(run_id)) for run_id in self.run_ids) == 2, "they are not at work")
        until(lambda: len(self.waiting()) == RUNS - 2, "the others do not wait for them")
        self.listener, self.asked = Listener(server), Asked(server)

    def waiting(self) -> list[str]:
        """The runs that wait for their turn, the next one first."""
        rows = self.place.rows("SELECT run_id FROM tickets WHERE held = 0 ORDER BY round, position")
        return [row["run_id"] for row in rows]

    def go_on(self, freeze: AbstractContextManager[None]) -> None:
        """While it is frozen the server says so, and serves what needs no database; then all runs end, each once."""
        with freeze:
            self.place.open(*self.seeds)  # so that the walks have something to write
            until(lambda: self.asked.ask("GET", "/ready")[0] == 503, "nobody notices")
            _, told, _ = self.asked.ask("GET", "/ready")
            assert any("has not answered for" in problem for problem in told["problems"]), told
            body = {"input_text": "refused", "output_config": "takes", "safety_level": "off", "wait": False}
            status, told, headers = self.asked.ask("POST", "/api/schema/pipeline/execute", body)
            assert (status, told["error"]["code"]) == (503, "database_gone"), told
            assert int(headers["Retry-After"]) > 0
            for _ in range(TIMES):
                status, told, _ = self.asked.ask("GET", "/health")
                assert (status, told["status"]) == (200, "ok")
            assert self.listener.is_open
        self.check_ends()

    def check_ends(self) -> None:
        """Wait until the server is ready again and all runs have ended, each submitted and told of once."""
        until(lambda: self.asked.ask("GET", "/ready")[0] == 200, "it is not ready again")
        assert [self.server.ended(run_id)[1]["status"] for run_id in self.run_ids] == ["success"] * RUNS
        assert [len(submissions(self.place.log, run_id)) for run_id in self.run_ids] == [1] * RUNS
        until(lambda: set(self.run_ids) <= set(self.ends()), "the stream did not go on")
        assert all(self.ends().count(run_id) == 1 for run_id in self.run_ids)

    def ends(self) -> list[str]:
        return [str(event["run_id"]) for event in self.listener.events if event["kind"] == "run.ended"]

    def close(self) -> None:
        self.listener.close()
        self.asked.connection.close()
