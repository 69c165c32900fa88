"""A program ends in order at the first signal, at once at the second, and in time whatever a thread of it waits for."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from devserver.processes.workers import ROOT

BEGIN = """
import asyncio, sys, time
from devserver.processes.signals import run_until_stopped
async def work():
    try:
        print("at work", flush=True)
        {work}
    finally:
        print("cleaning", flush=True)
        {clean}
        print("clean", flush=True)
asyncio.run(run_until_stopped(work(), {options}))
print("ended by itself")
"""


class Program:
    """A program that does `work` until a signal comes, and then cleans up."""

    def __init__(self, work: str = "await asyncio.Event().wait()", clean: str = "pass", options: str = "") -> None:
        source = BEGIN.format(work=work, clean=clean, options=options)
        command = [sys.executable, "-c", source]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def hear(self, line: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{line}\n"

    def end(self) -> tuple[int, str, str]:
        """Its exit code, and what it has said since."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_lets_it_clean_up(number: signal.Signals) -> None:
    program = Program()
    program.hear("at work")
    program.process.send_signal(number)
    assert program.end() == (128 + number, "cleaning\nclean\n", "")


def test_a_program_that_is_made_to_be_stopped_says_that_all_is_well() -> None:
    program = Program(options="code=0")
    program.hear("at work")
    program.process.terminate()
    assert program.end()[0] == 0


def test_work_that_ends_by_itself_gives_its_result() -> None:
    assert Program(work="pass").end() == (0, "at work\ncleaning\nclean\nended by itself\n", "")


def test_the_second_signal_ends_it_at_once_although_the_main_thread_is_stuck() -> None:
    program = Program(clean="time.sleep(3600)")
    program.hear("at work")
    program.process.terminate()
    program.hear("cleaning")
    code = None
    while code is None:  # one that follows at once is taken for the same signal
        program.process.send_signal(signal.SIGINT)
        try:
            code = program.process.wait(0.2)
        except subprocess.TimeoutExpired:
            continue
    assert program.end() == (128 + signal.SIGINT, "", "")


def test_a_signal_that_comes_twice_at_once_is_one_signal() -> None:
    program = Program(clean="await asyncio.sleep(0.3)")
    program.hear("at work")
    program.process.terminate()
    program.process.terminate()
    assert program.end() == (128 + signal.SIGTERM, "cleaning\nclean\n", "")


def test_who_does_not_come_to_an_end_is_ended() -> None:
    program = Program(clean="time.sleep(3600)", options="code=0, limit_s=0.5")
    program.hear("at work")
    program.process.terminate()
    code, out, err = program.end()
    assert (code, out) == (1, "cleaning\n")
    assert "did not stop within 0.5 s" in err


def test_a_thread_that_never_ends_keeps_nobody() -> None:
    program = Program(work="await asyncio.to_thread(time.sleep, 3600)", options="code=0, limit_s=3000.0")
    program.hear("at work")
    program.process.terminate()
    assert program.end() == (0, "cleaning\nclean\n", "")


def test_a_stdin_that_closes_is_a_signal_where_it_is_asked_for() -> None:
    program = Program(options="code=0, with_parent=True")
    program.hear("at work")
    assert program.end() == (0, "cleaning\nclean\n", "")  # communicate() closes it


def test_the_unit_gives_the_signal_to_the_server_alone() -> None:
    unit = (Path(ROOT) / "deploy/tonewright.service").read_text().splitlines()
    assert "KillMode=mixed" in unit
