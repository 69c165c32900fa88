"""`python -m tests.doubles.watched_database FOLDER`: the real server; its calls of the database and fsyncs are watched.

While FOLDER/hold is there, commits of SQLite and fsyncs do not end. While FOLDER/watch is there, each call that is made
on a thread where an event loop runs is written down, with where it comes from.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from cli.serve import serve
from config import Settings

LONGEST_HOLD_S = 120.0


class Watch:
    """The folder through which a test and the server that it watches speak."""

    def __init__(self, folder: Path) -> None:
        self.hold, self.watch, self.told = folder / "hold", folder / "watch", folder / "on_the_loop"

    @property
    def command(self) -> tuple[str, ...]:
        return ("-m", "tests.doubles.watched_database", str(self.hold.parent))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no commit and no fsync end within the block."""
        self.hold.touch()
        try:
            yield
        finally:
            self.hold.unlink()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Fail where anything is called on a loop's thread within the block."""
        self.watch.touch()
        yield
        self.watch.unlink()
        told = self.told.read_text() if self.told.exists() else ""
        assert not told, told

    # The server's side

    def note(self, call: str) -> None:
        if asyncio._get_running_loop() is not None and self.watch.exists():
            stack = "".join(traceback.format_stack(limit=12)[:-2])
            with self.told.open("a") as told:
                told.write(f"{call}\n{stack}\n")

    def wait(self) -> None:
        deadline = time.monotonic() + LONGEST_HOLD_S
        while self.hold.exists() and time.monotonic() < deadline:
            time.sleep(0.02)


def install(watch: Watch) -> None:
    """Put the watch around SQLite, psycopg and fsync."""

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            watch.note(sql)
            if sql == "COMMIT":
                watch.wait()
            return super().execute(sql, *values)

    connect, execute, fsync = sqlite3.connect, psycopg.Connection.execute, os.fsync

    def connecting(*args: Any, **named: Any) -> sqlite3.Connection:
        watch.note("sqlite3.connect")
        made: sqlite3.Connection = connect(*args, **{"factory": Watched, **named})
        return made

    def executing(self: Any, sql: Any, *args: Any, **named: Any) -> Any:
        watch.note(str(sql))
        return execute(self, sql, *args, **named)

    def syncing(descriptor: int) -> None:
        watch.note("os.fsync")
        watch.wait()
        fsync(descriptor)

    patches: list[tuple[Any, str, Callable[..., Any]]] = [
        (sqlite3, "connect", connecting),
        (psycopg.Connection, "execute", executing),
        (os, "fsync", syncing),
    ]
    for owner, name, patched in patches:
        setattr(owner, name, patched)


if __name__ == "__main__":
    install(Watch(Path(sys.argv[1])))
    asyncio.run(serve(Settings()))
