"""Where a journal is made and opened: an exports folder, a database, a host, and a server that can be killed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from tests.doubles.kill_points import Points
from tests.doubles.postgres import Postgres, programs
from tests.doubles.programs import Server
from tests.doubles.reencode import written
from tests.kept.journals.hosts import Body, KeptHost, run_and_take
from tests.kept.runs.making import write_definitions
from tests.patience import PATIENCE_S

DATABASES: Final = ("sqlite", "postgres")
DUMP: Final = "journal.sql"
KEY: Final = "night-1"  # an Idempotency-Key that was used
RESTRICT: Final = ("\\restrict ", "\\unrestrict ")
AT_THE_HOST: Final = "prompts.json"  # what the host had when its server was killed


def until(happened: Callable[[], bool]) -> None:
    """Wait for something to happen.

    Raises:
        AssertionError: it does not.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Place:
    """A folder with everything that a server needs; `postgres` is None where its journal is a SQLite file."""

    def __init__(self, folder: Path, postgres: Postgres | None) -> None:
        self.folder, self.exports = folder, folder / "exports"
        self.exports.mkdir(exist_ok=True)
        self.points = Points(folder / "points")
        self.url = postgres.new_database() if postgres else None
        self._definitions = [write_definitions(folder / "definitions"), written(folder / "reencode")]
        self._started = ExitStack()

    def start_host(self) -> KeptHost:
        self.host = self._started.enter_context(KeptHost(self.folder / "host"))
        return self.host

    def start_server(self, *, can_be_stopped: bool = False) -> Server:
        settings: dict[str, Any] = {"backends": [{"name": "studio", "url": self.host.url}], "embedded": False}
        settings |= {"definitions": [str(path) for path in self._definitions]}
        settings |= {"attempts": 5, "retry_pause_s": 0.05, "probe_s": 0.5}
        settings |= {"database_url": self.url, "node": "studio"} if self.url else {}
        launcher = ("-m", "tests.doubles.launcher", str(self.points.folder))
        command = launcher if can_be_stopped else ("server.py", "serve")
        return self._started.enter_context(Server(self.exports, command, **settings))

    def close(self) -> None:
        self.points.disarm()
        self._started.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def keep_prompts(self, run_id: str) -> None:
        """Write down which prompts of a run the host has, for the one that stands in its place when it is opened."""
        bodies = [body for body in self.host.taken() if run_and_take(body)[0] == run_id]
        (self.folder / AT_THE_HOST).write_text(json.dumps(bodies))

    def prompts(self) -> list[Body]:
        """Return the prompts that were written down."""
        path = self.folder / AT_THE_HOST
        bodies: list[Body] = json.loads(path.read_text()) if path.exists() else []
        return bodies

    def dump(self) -> None:
        """Write the database as SQL beside the exports."""
        assert self.url is not None
        command = [_program("pg_dump"), "--no-owner", "--no-privileges", f"--dbname={self.url}"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        # An older psql does not know the two commands that keep a foreign dump from giving commands.
        lines = [line for line in done.stdout.splitlines(keepends=True) if not line.startswith(RESTRICT)]
        (self.folder / DUMP).write_text("".join(lines))

    def restore(self) -> None:
        """Read the SQL beside the exports into the database."""
        assert self.url is not None
        command = [_program("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={self.url}"]
        subprocess.run([*command, f"--file={self.folder / DUMP}"], check=True, stdout=subprocess.DEVNULL)


def _program(name: str) -> str:
    found = programs()
    assert found is not None
    return str(found / name)
