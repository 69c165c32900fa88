"""The command line as a person types it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.doubles.forks import ROOT, Forked
from tests.patience import PATIENCE_S


def run_command(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; all that it says is in what is returned."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        command = Forked(["server.py", *words], environment, cwd, out, err)
        try:
            code = command.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            command.send_signal(9)
            command.wait()
            raise
        return subprocess.CompletedProcess([*words], code, out.read_text(), err.read_text() if err.exists() else "")


def tonewright(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with settings by name."""
    given = {f"TONEWRIGHT_{name.upper()}": value for name, value in {"discover": "false", **settings}.items()}
    return run_command(words, {**os.environ, **given})
