"""Starting a server as somebody to whom permissions apply, where the tests themselves run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
# Where nobody may not reach the interpreter: root without its privileges.
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
# The interpreter, a package, and a process of its own, as the server starts them for its files.
TRIED = """
import multiprocessing, sys, numpy
process = multiprocessing.get_context("spawn").Process(target=numpy.zeros, args=(1,))
process.start()
process.join()
sys.exit(process.exitcode)
"""


@cache
def unprivileged() -> tuple[str, ...]:
    """What a command is started by so that it runs without privileges; empty where the tests do so anyway."""
    if os.geteuid() != 0:
        return ()
    for way in (AS_NOBODY, WITHOUT_PRIVILEGES):
        if subprocess.run([*way, sys.executable, "-c", TRIED], capture_output=True, check=False).returncode == 0:
            return way
    raise AssertionError("no way to start a server without privileges: is setpriv (util-linux) there?")


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that belongs to such a process; pytest's own ones are closed to everybody else."""
    folder = Path(tempfile.mkdtemp(prefix="tonewright-"))
    try:
        if unprivileged() == AS_NOBODY:
            os.chown(folder, NOBODY, NOBODY)
        yield folder
    finally:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(folder)


def limit_file_size(pid: int, most_bytes: int | None) -> None:
    """From now on no file of this process and of those that it starts grows longer; None lifts the limit."""
    soft = "unlimited" if most_bytes is None else str(most_bytes)
    subprocess.run(["prlimit", f"--pid={pid}", f"--fsize={soft}:unlimited"], check=True)
