"""Trace one warm `execute` in a server process of its own: modules, functions, threads, statements, commits.

Started by `benchmarks.shape`; prints one JSON object. The client is a child process, so it is not counted; neither are
the embedded backend and the workers, which are processes, too.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from benchmarks.shape_source import TOPS

ROOT: Final = Path(__file__).parents[1]
REQUEST: Final = {"schema": "dada", "input_text": "test", "output_config": "silence_mp3", "safety_level": "off"}
# Two runs to warm up, then one that is traced; its file is fetched too. A line on stdin and stdout separates them.
CLIENT: Final = """
import json, sys, urllib.request
url, body = sys.argv[1], sys.argv[2].encode()
def once():
    request = urllib.request.Request(url + "/api/schema/pipeline/execute", body, {"Content-Type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=300))
    if answer["status"] != "success":
        raise SystemExit(f"the run ended otherwise: {answer}")
once(); once()
print("warm", flush=True); sys.stdin.readline()
once()
print("done", flush=True); sys.stdin.readline()
"""


@dataclass
class Trace:
    """Counts what product functions do while `on` is set.

    Attributes:
        moves: how often control passed from one module to another, by a call or by a return.
        thread_changes: how often the next call or return was on another thread, besides the database's threads.
        journal_changes: how often it was, the database's threads counted.
    """

    on: bool = False
    functions: set[CodeType] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    moves: int = 0
    thread_changes: int = 0
    journal_changes: int = 0
    statements: list[str] = field(default_factory=list)
    _last: tuple[str, int] = ("", 0)
    _last_other: int = 0
    _names: dict[str, str] = field(default_factory=dict)

    def hear_call(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call or a return, also of a coroutine that goes on or waits; for `sys.setprofile`."""
        if not self.on or event not in ("call", "return"):
            return
        module = self._module(frame.f_code.co_filename)
        if not module:
            return
        self.functions.add(frame.f_code)
        self.modules.add(module)
        thread = threading.get_ident()
        last_module, last_thread = self._last
        self.moves += last_module not in ("", module)
        self.journal_changes += last_thread not in (0, thread)
        if not threading.current_thread().name.startswith("database"):
            self.thread_changes += self._last_other not in (0, thread)
            self._last_other = thread
        self._last = module, thread

    def _module(self, filename: str) -> str:
        if filename not in self._names:
            path = Path(filename)
            below = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path()
            self._names[filename] = below.as_posix() if below.parts and below.parts[0] in TOPS else ""
        return self._names[filename]

    def hear_statement(self, statement: str) -> None:
        """Note a statement; for `sqlite3.Connection.set_trace_callback`."""
        if self.on:
            self.statements.append(statement.lstrip())

    def figures(self) -> dict[str, int]:
        commits = sum(statement.startswith("COMMIT") for statement in self.statements)
        return {
            "modules": len(self.modules),
            "functions": len(self.functions),
            "moves between modules": self.moves,
            "changes of thread besides the journal's": self.thread_changes,
            "changes of thread": self.journal_changes,
            "statements": len(self.statements),
            "commits": commits,
        }


def trace_statements(trace: Trace) -> None:
    """Have every connection of SQLite that is opened from now on tell its statements."""
    connect = sqlite3.connect

    def connect_traced(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(trace.hear_statement)
        return connection

    sqlite3.connect = connect_traced  # type: ignore[assignment] # one signature for all of its overloads


async def measure(exports: Path, trace: Trace) -> None:
    """Serve in this process, and trace the third run of a client."""
    from cli.build import build_app
    from cli.keys import front_settings, keys_of
    from config import Settings
    from devserver.watching.logs import configure
    from my_app.front import create_front, listen_at

    configure("error", "text")
    settings = Settings(exports=exports, port=0, discover=False)
    app = await build_app(settings)
    front = create_front(app, front_settings(settings, keys_of(settings)), version="shape")
    listening = await listen_at(front, settings.host, 0)
    try:
        await app.start()
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-c", CLIENT, listening.url, json.dumps(REQUEST)]
        client = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
        assert client.stdin
        assert client.stdout
        for on in (True, False):
            if not await client.stdout.readline():
                raise SystemExit("the client ended early")
            trace.on = on
            client.stdin.write(b"go on\n")
        await client.communicate()
    finally:
        trace.on = False
        await listening.close()
        await app.stop()
        app.exports.unlock()


def main() -> None:
    trace = Trace()
    trace_statements(trace)
    threading.setprofile(trace.hear_call)
    sys.setprofile(trace.hear_call)
    asyncio.run(measure(Path(sys.argv[1]), trace))
    sys.setprofile(None)
    json.dump(trace.figures(), sys.stdout)


if __name__ == "__main__":
    main()
