from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "--quick", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_row_tells_what_was_measured_and_the_exit_code_whether_a_goal_was_missed_and_which() -> None:
    done = bench("--only", "latency,collecting,queueing,prompt")
    added = re.findall(r"\| bare [\d.]+ ms, through us [\d.]+ ms: (-?[\d.]+) ms added \| at most", done.stdout)
    assert len(added) == 2, done.stderr
    assert re.search(r"request with `wait: false` until the run is accepted \| p50 [\d.]+ ms", done.stdout)
    assert len(re.findall(r"\| p50 [\d.]+ ms, p99 [\d.]+ ms \| p99 \d+ ms \|", done.stdout)) == 2
    assert "| 8 of 8 right, " in done.stdout
    assert re.search(r"reading a prompt, \d+ of them \| p50 [\d.]+ ms", done.stdout)
    missed = re.findall(r"\| (.+?) \|.*\| \*\*missed\*\* \|", done.stdout)
    assert done.returncode == bool(missed)
    assert re.findall(r"missed: (.+)", done.stderr) == missed


def test_an_unknown_row_is_refused_with_those_that_there_are() -> None:
    done = bench("--only", "speed")
    assert done.returncode == 2
    assert "speed" in done.stderr
    assert "latency" in done.stderr
