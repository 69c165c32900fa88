"""Debian's PostgreSQL, started for the tests on a socket and a port of their own, with data that are thrown away."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

NO_POSTGRES = "needs Debian's PostgreSQL: apt-get install postgresql"
# Nothing here outlives the tests, so nothing has to reach the disk.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")


def programs() -> Path | None:
    """The folder of initdb and postgres, the newest version of them; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Postgres:
    """A server with one database for each that asks. It refuses to be run by root, and so is run by somebody else."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise LookupError(NO_POSTGRES)
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="tonewright-postgres-", dir="/tmp"))  # a socket's path is short
        self._as: list[str] = []
        if os.geteuid() == 0:
            names = [entry.pw_name for entry in pwd.getpwall()]
            user = next(name for name in ("postgres", "nobody") if name in names)
            shutil.chown(self._folder, user)
            self._as = ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]
        self._data = self._folder / "data"
        self.port = _free_port()
        self._databases = 0
        self._run("initdb", "--auth=trust", "--username=tonewright", "--encoding=UTF8", "--no-sync", "-D", self._data)
        self.start()

    def _run(self, program: str, *args: object) -> None:
        command = [*self._as, self._programs / program, *args]
        done = subprocess.run(
            [str(word) for word in command], cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [word for setting in FAST for word in ("-c", setting)]
        where = ["-k", str(self._folder), "-h", "127.0.0.1", "-p", str(self.port)]
        self._run(
            "pg_ctl", "-D", self._data, "-w", "-l", self._folder / "log", "-o", " ".join([*where, *settings]), "start"
        )

    def stop(self) -> None:
        """Stop the server as a restart does it: at once, whoever is connected."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "fast", "stop")

    def freeze(self) -> None:
        """Stop every process of it where it is: connections stay, and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with suppress(ProcessLookupError):  # a connection's own process ends with it
                os.kill(pid, number)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://tonewright@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of a database in which nothing is yet."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(RuntimeError):  # a test has stopped it
            self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)
