"""`python -m devserver.host`: with its starter, or alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devserver.host.__main__ import main, parse_arguments
from tests.host.processes import ROOT


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return [sys.executable, "-m", "devserver.host", "--table", "stock", "--base", str(tmp_path)]


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process that ends by itself; one that does not is killed, so that the test ends."""
    try:
        return process.wait(20)
    finally:
        process.kill()


def test_host_ends_when_its_starter_does(command: list[str]) -> None:
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.stdin.close()
        assert ended(process) == 0


def test_standalone_host_outlives_its_starter_and_ends_on_sigterm(command: list[str]) -> None:
    started = [*command, "--standalone"]
    with subprocess.Popen(started, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.poll() is None
        process.terminate()
        assert ended(process) == 0


def test_the_token_is_no_argument_and_a_base_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse_arguments(["--base", "x"])
    assert (options.table, options.port, options.standalone, options.token_on_stdin) == ("embedded", 0, False, False)
    for words in ([], ["--base", "x", "--token", "secret"]):
        with pytest.raises(SystemExit):
            parse_arguments(words)
    assert "--base" in capsys.readouterr().err


def test_an_unknown_table_ends_it_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: table is 'nope'; allowed are embedded, stock"):
        main(["--base", str(tmp_path), "--table", "nope", "--standalone"])
