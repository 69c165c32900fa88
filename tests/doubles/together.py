"""Several server processes over one PostgreSQL and one exports folder, and a host that counts what it is given."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from tests.doubles.counting_host import CountedHost
from tests.doubles.kill_points import Points
from tests.doubles.programs import Server
from tests.doubles.take_nodes import write_definitions
from tests.patience import PATIENCE_S

Found = TypeVar("Found")


def until(look: Callable[[], Found], what: str, patience_s: float = PATIENCE_S) -> Found:
    """The first thing found that is not empty."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {patience_s} s")


class Together:
    """Processes by name; each is started when it is first asked for, and again after it was killed."""

    def __init__(self, folder: Path, url: str, **settings: Any) -> None:
        self.folder, self.url, self.exports = folder, url, folder / "exports"
        self.log, self.gates = folder / "submissions", folder / "gates"
        self.points = Points(folder / "points")
        self.gates.mkdir()
        self.host = CountedHost(folder / "host", self.log)
        definitions = write_definitions(folder / "definitions", takes=1)
        self._settings = {
            "database_url": url,
            "definitions": [str(definitions)],
            "backends": [{"name": "studio", "url": self.host.url}],
            "embedded": False,
            **settings,
        }
        self._running: dict[str, Server] = {}

    def server(self, name: str, role: str, **more: Any) -> Server:
        if name not in self._running:
            self._running[name] = Server(self.exports, role=role, node=name, **{**self._settings, **more})
        return self._running[name]

    def worker(self, name: str) -> Server:
        """A worker, which can be stopped at every kill point."""
        return self.server(name, "worker", command=("-m", "tests.doubles.launcher", str(self.points.folder)))

    def web(self, name: str = "web") -> Server:
        return self.server(name, "web")

    def kill(self, name: str) -> None:
        self._running.pop(name).kill()

    def forget(self, name: str) -> None:
        """A process that has ended by itself: the next one of this name is a new one."""
        self._running.pop(name).stop()

    def freeze(self, name: str) -> None:
        os.kill(self._running[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let a worker go on that was frozen, or stopped at a kill point."""
        self.points.let_go(self._running[name].pid)

    def close(self) -> None:
        for server in self._running.values():
            server.kill()
        self.host.kill()

    # Runs

    def begin(self, at: Server, seed: int, *, gated: bool = True, **more: Any) -> str:
        """Have a run of one take accepted; it ends when `open` is called with its seed, or at once."""
        params = {"gate": str(self.gates) if gated else ""}
        body = {
            "input_text": f"run {seed}",
            "output_config": "takes",
            "seed": seed,
            "params": params,
            "schema": "plain",
        }
        status, told = at.execute(**body, **{"wait": False, **more})
        assert status in (200, 202), told
        return str(told["run_id"])

    def open(self, *seeds: int) -> None:
        for seed in seeds:
            (self.gates / str(seed)).touch()

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def walker(self, run_id: str) -> str:
        """The node that walks a run; '' where none does yet."""
        found = self.rows("SELECT owner FROM runs WHERE run_id = %s AND state = 'running'", run_id)
        return (found[0]["owner"] or "").partition("/")[0] if found else ""

    def submitted(self, run_id: str, attempt: int = 1) -> str:
        """The prompt id that an attempt was submitted under; '' before that."""
        sql = "SELECT prompt_id FROM stages WHERE run_id = %s AND attempt = %s AND prompt_id IS NOT NULL"
        found = self.rows(sql, run_id, attempt)
        there = self.running_at_the_host() | set(self.host.history())
        return str(found[0]["prompt_id"]) if found and found[0]["prompt_id"] in there else ""

    def running_at_the_host(self) -> set[str]:
        """The prompts that run there or wait."""
        with urllib.request.urlopen(f"{self.host.url}/queue", timeout=PATIENCE_S) as response:
            queue = json.load(response)
        return {entry[1] for part in queue.values() for entry in part}


class Listener:
    """Reads the events at one web process, from a number on, on a thread of its own, until it is closed."""

    def __init__(self, server: Server, path: str = "/api/events", after: int | None = None) -> None:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        self._response = urllib.request.urlopen(
            urllib.request.Request(server.url + path, headers=headers), timeout=PATIENCE_S
        )
        self.events: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._response:
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        except (OSError, ValueError, AttributeError):  # it was closed
            return

    @property
    def is_open(self) -> bool:
        """Whether the stream goes on."""
        return self._thread.is_alive()

    def stored(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["seq"] is not None]

    def ended(self, *run_ids: str) -> bool:
        return {event["run_id"] for event in self.stored() if event["kind"] == "run.ended"} >= set(run_ids)

    def of(self, run_id: str) -> Iterator[dict[str, Any]]:
        return (event for event in self.events if event["run_id"] == run_id)

    def close(self) -> None:
        self._response.close()
