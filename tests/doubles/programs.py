"""The real programs, started as a person would start them, and ended by their own process id."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from cli.serve import READY
from tests.doubles.forks import Forked, may_fork
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
AGENTS = ("devserver.host",)


def child_of(pid: int, module: str) -> int:
    """The process id of a child of a process that runs this module."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if module in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    raise AssertionError(f"no child runs {module}")


class Program:
    """A process that says on its first line of output where it listens.

    `before` is what it is started by: `setpriv`, `prlimit`.
    """

    def __init__(
        self, command: list[str], environment: dict[str, str] | None = None, before: Sequence[str] = ()
    ) -> None:
        given = {**os.environ, **(environment or {})}
        self._process: Forked | subprocess.Popen[str]
        if not before and may_fork(command, given):
            self._process = Forked(command, given)
        else:
            self._process = subprocess.Popen(
                [*before, sys.executable, *command],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                env=given,
            )
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline().strip()

    @property
    def pid(self) -> int:
        return self._process.pid

    def child(self, module: str) -> int:
        """The process id of a child that runs this module."""
        return child_of(self.pid, module)

    def kill(self) -> None:
        """kill -9, as the machine does it when memory runs out."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._close_pipe()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and wait for the end; answers the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE_S)
        self._close_pipe()
        return code

    def _close_pipe(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Server(Program):
    """`server.py serve` on a free port. Settings are given by name: `backends=[...]`, `embedded=False`.

    `command` starts the same server in another way (`tests.doubles.launcher`).
    """

    def __init__(
        self,
        exports: Path,
        command: Sequence[str] = ("server.py", "serve"),
        before: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.exports = exports
        given = {"discover": False, "log_level": "error", "exports": str(exports), "port": 0, **settings}
        environment = {f"TONEWRIGHT_{name.upper()}": _text(value) for name, value in given.items()}
        super().__init__(list(command), environment, before)
        if not self.line.startswith(READY):
            raise AssertionError(f"the server did not start: exit code {self.stop()}")
        self.url = self.line.removeprefix(READY)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """One request; the status, and the body as JSON where it is JSON."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers or {}, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return response.status, _parsed(response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _parsed(error.read())

    def execute(self, **body: Any) -> tuple[int, Any]:
        return self.call("POST", "/api/schema/pipeline/execute", {"safety_level": "off", **body})

    def ended(self, run_id: str, limit_s: float = PATIENCE_S) -> tuple[int, Any]:
        """The finished answer of a run, asked for until it is there."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            status, told = self.call("GET", f"/api/runs/{run_id}/answer")
            if status != 202:
                return status, told
            time.sleep(0.05)
        raise AssertionError(f"{run_id} did not end in {limit_s} s")

    def run(self, run_id: str) -> dict[str, Any]:
        status, told = self.call("GET", f"/api/runs/{run_id}")
        assert status == 200, told
        assert isinstance(told, dict)
        return told


class NodeHost(Program):
    """A host of stand-ins and our nodes, which outlives the server."""

    def __init__(
        self, base: Path, table: str = "embedded", port: int = 0, *more: str, module: Sequence[str] = AGENTS
    ) -> None:
        options = ["--table", table, "--port", str(port), "--base", str(base), "--standalone", *more]
        super().__init__(["-m", *module, *options])
        self.url = f"http://127.0.0.1:{json.loads(self.line)['port']}"

    def history(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/history", timeout=PATIENCE_S) as response:
            told = json.load(response)
        assert isinstance(told, dict)
        return told

    def runs_something(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/queue", timeout=PATIENCE_S) as response:
            return bool(json.load(response)["queue_running"])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body
