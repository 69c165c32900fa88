from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmarks_run_and_print_a_ratio_and_rates() -> None:
    command = [sys.executable, "-m", "benchmarks", "--runs", "2", "--seconds", "0.1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(re.findall(r"ratio of the medians +([\d.]+)", done.stdout)[0]) > 1
    assert [int(rate) > 0 for rate in re.findall(r"(\d+) requests/s", done.stdout)] == [True, True]
    assert re.search(r"reading a prompt, \d+ times: median [\d.]+ ms, p99 [\d.]+ ms by the clock", done.stdout)
