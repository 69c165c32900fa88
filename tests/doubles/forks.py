"""Our programs in forks of a process that has imported the server once: each a process of its own, without its imports.

A fork does what `python WORDS` does, from the words to the exit code. `tests/cli/test_stop.py` and the tests of the
front start the server itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
LOADED: Final = (
    *("cli.build", "cli.doctor", "cli.importing", "cli.keys", "cli.request", "cli.serve", "cli.settings"),
    *("my_app.front", "tests.doubles.kill_points", "devserver.host.host", "devserver.host.tables"),
)
# Variables that an interpreter or a library reads once, at its start.
READ_ONCE: Final = ("PYTHON", "LD_", "TZ", "LC_", "LANG")


ENVIRONMENT: Final = dict(os.environ)  # before any test changes it
ONE: Final = threading.Lock()


def read_once(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_ONCE)}


class Forks:
    """The process that forks."""

    def __init__(self) -> None:
        alone = {**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"}  # a fork has one thread alone
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=alone,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._asking = threading.Lock()
        atexit.register(self._close)

    def start(self, **job: Any) -> None:
        assert self._process.stdin is not None
        with self._asking:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()

    def _close(self) -> None:
        self._process.communicate()


@cache
def _forks() -> Forks:
    return Forks()


def forks() -> Forks:
    """Return the one process of this session."""
    with ONE:
        return _forks()


def may_fork(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return True for a program whose imports are there, and whose interpreter would start as that of the others."""
    known = words[0] == "server.py" or words[:2] in (["-m", "tests.doubles.launcher"], ["-m", "devserver.host"])
    return known and read_once(environment) == read_once(ENVIRONMENT)


class Forked:
    """A process, as `subprocess.Popen` has it; without `out` what it says is read from `stdout`."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path = ROOT,
        out: Path | None = None,
        err: Path | None = None,
    ) -> None:
        with tempfile.TemporaryDirectory() as folder:
            ended, said = Path(folder, "ended"), out or Path(folder, "said")
            for pipe in (ended, said) if out is None else (ended,):
                os.mkfifo(pipe)
            job = {"words": [*words], "environment": {**environment}, "cwd": str(cwd)}
            forks().start(**job, ended=str(ended), out=str(said), err=str(err or ""))
            self._ended = ended.open(encoding="utf8")
            self.pid = int(self._ended.readline())
            self.stdout = said.open(encoding="utf8") if out is None else None
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self._code(0.0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._code(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return code

    def _code(self, within_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._ended], [], [], within_s)[0]:
            with self._ended:
                self.returncode = int(self._ended.readline())
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _fork_for_each() -> dict[str, Any] | None:
    """Fork for each job that comes in. Return the job in the fork, and None at the end."""
    for line in sys.stdin:
        if not os.fork():
            job: dict[str, Any] = json.loads(line)
            if not _keep(job):
                return job
            os._exit(0)
        with suppress(ChildProcessError):  # none is left
            while os.waitpid(-1, os.WNOHANG)[0]:  # who kept one that has ended
                pass
    return None


def _keep(job: dict[str, Any]) -> bool:
    """Fork once more, and tell who asked for it the process id and in the end the exit code. False in the fork."""
    ended = os.open(job["ended"], os.O_WRONLY)
    pid = os.fork()
    if not pid:
        os.close(ended)
        return False
    os.write(ended, f"{pid}\n".encode())
    os.write(ended, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
    return True


def _become(job: dict[str, Any]) -> None:
    """Be the process that a shell would have started."""
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["environment"])
    wanted = {0: os.open(os.devnull, os.O_RDONLY), 1: os.open(job["out"], os.O_WRONLY | os.O_CREAT, 0o600)}
    if job["err"]:
        wanted[2] = os.open(job["err"], os.O_WRONLY | os.O_CREAT, 0o600)
    for number, file in wanted.items():
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what the pipe had is in the buffer of the other one


def _run(words: list[str]) -> None:
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [str(ROOT / words[0]), *words[1:]]
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    for _name in LOADED:
        importlib.import_module(_name)
    assert len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - of threads
    gc.freeze()
    _job = _fork_for_each()
    if _job is not None:
        _become(_job)
        _run(_job["words"])
