"""The commands stop at a signal at any time: in order, without a traceback, and with every process of theirs."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.serve import READY
from config import ROOT
from tests.doubles.programs import Server
from tests.doubles.together import until

MOMENTS = 8  # of a start, one drawn in each part of it
PATIENCE_S = 60.0
# Before a server hears signals itself it has begun nothing, and ends as any program does.
UNHEARD = {-signal.SIGTERM, -signal.SIGINT}


class Command:
    """A command of ours as the leader of a process group."""

    def __init__(self, folder: Path, *words: str) -> None:
        folder.mkdir(exist_ok=True)
        self._last_lines = folder / "said"
        environment = {**os.environ, "TONEWRIGHT_EXPORTS": str(folder / "exports"), "TONEWRIGHT_DISCOVER": "false"}
        environment["TONEWRIGHT_LOG_LEVEL"] = "error"
        environment["TONEWRIGHT_TEST_MARK"] = self.mark = str(folder)
        with self._last_lines.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "server.py", *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=environment,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._last_lines.read_text()

    def signal(self, number: int, *, group: bool) -> None:
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def end(self) -> int:
        """Its exit code, once it and every process that it has started are gone."""
        code = self.process.wait(PATIENCE_S)
        until(lambda: not self.left(), f"processes are left: {self.left()}", PATIENCE_S)
        assert "Traceback" not in self.said, self.said
        return code

    def left(self) -> list[int]:
        """The processes that it has started and that there still are."""
        mark = f"TONEWRIGHT_TEST_MARK={self.mark}".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]

    def kill_all(self) -> None:
        for pid in self.left():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


def _read(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:  # it has ended
        return []


@contextmanager
def running(folder: Path, *words: str) -> Iterator[Command]:
    command = Command(folder, *words)
    try:
        yield command
    finally:
        command.kill_all()


def test_a_signal_at_any_time_of_the_start_ends_the_server(tmp_path: Path) -> None:
    draw = random.Random(32)
    began = time.monotonic()
    with running(tmp_path / "first", "serve", "--port", "0") as server:
        until(lambda: READY in server.said, "it is not ready", PATIENCE_S)
        start_s = time.monotonic() - began
        server.signal(signal.SIGTERM, group=True)
        assert server.end() == 0
    for n in range(MOMENTS):
        number, group = draw.choice([signal.SIGTERM, signal.SIGINT]), draw.random() < 0.7
        with running(tmp_path / str(n), "serve", "--port", "0") as server:
            time.sleep(
                1.1 * (n + draw.random()) / MOMENTS * start_s
            )  # the fault is that something happens at this time
            server.signal(number, group=group)
            code = server.end()
            assert code in {0, *UNHEARD}, (n, number, group, code, server.said)


@pytest.mark.parametrize("group", [True, False])
def test_a_server_that_works_stops_and_its_runs_go_on_at_the_next_start(tmp_path: Path, *, group: bool) -> None:
    with running(tmp_path, "serve", "--port", "0") as command:
        until(lambda: READY in command.said, "it is not ready", PATIENCE_S)
        server = Server.__new__(Server)
        server.url = command.said.partition(READY)[2].strip()
        run_ids = [
            server.execute(
                input_text=f"a slow waltz {n}",
                output_config="procedural_instrumental",
                wait=False,
                params={"seconds": 20},
            )[1]["run_id"]
            for n in range(3)
        ]
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        with socket.create_connection(address) as stream, socket.create_connection(address) as upload:
            stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert stream.recv(100).startswith(b"HTTP/1.1 200")
            upload.sendall(
                b"POST /api/uploads?name=a.mp3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nabc"
            )
            until(lambda: server.run(run_ids[0])["stages"][-1].get("attempts"), "no run is at work", PATIENCE_S)
            command.signal(signal.SIGTERM, group=group)
            assert command.end() == 0
    with Server(tmp_path / "exports") as again:
        assert [again.ended(run_id)[1]["status"] for run_id in run_ids] == ["success"] * 3


def test_a_killed_server_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--port", "0") as server:
        until(lambda: READY in server.said, "it is not ready", PATIENCE_S)
        # Who has one keeps named semaphores in /dev/shm, which nobody clears when the whole group is killed.
        assert not [pid for pid in server.left() if b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        server.signal(signal.SIGKILL, group=True)
        assert server.end() == -signal.SIGKILL


# The agent


def agent(folder: Path, port: int = 0) -> list[str]:
    return ["agent", "embedded", "--port", str(port), "--base", str(folder / "base")]


def listens(command: Command) -> int:
    until(lambda: '"port"' in command.said and command.said.endswith("}\n"), "it does not listen", PATIENCE_S)
    return int(json.loads(command.said.splitlines()[-1])["port"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("group", [True, False])
def test_an_agent_stops(tmp_path: Path, number: signal.Signals, *, group: bool) -> None:
    with running(tmp_path, *agent(tmp_path)) as command:
        listens(command)
        command.signal(number, group=group)
        assert command.end() == 0


def test_a_killed_agent_takes_its_processes_and_its_port_along(tmp_path: Path) -> None:
    with running(tmp_path, *agent(tmp_path)) as command:
        port = listens(command)
        command.signal(signal.SIGKILL, group=False)
        assert command.end() == -signal.SIGKILL
    with running(tmp_path / "again", *agent(tmp_path / "again", port)) as command:
        assert listens(command) == port


def test_an_agents_port_that_is_taken_is_told_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path, *agent(tmp_path, port)) as command:
            assert command.end() == 2
            line = command.said.splitlines()[-1]
    assert line.startswith(f"Cannot listen at 127.0.0.1:{port}")


# Commands that start a server for themselves


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_takes_its_server_along(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, "demo") as command:
        until(lambda: len(command.left()) > 3, "its server does not start", PATIENCE_S)
        command.signal(number, group=number is not signal.SIGKILL)
        assert command.end() == (-number if number is signal.SIGKILL else 128 + number)
