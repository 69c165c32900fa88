"""`python -m tests.attacks.watched FOLDER`: the real server, which writes down what it touches outside its folders.

Everything below FOLDER, but for `exports`, `definitions`, `roots` and `spool`, is the outside; so is the whole machine,
but for the program itself, its libraries and what the system tells of itself, which may be read.
"""

from __future__ import annotations

import asyncio
import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cli.serve import serve
from config import ROOT, Settings

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events of the standard library whose first arguments are paths, and how many of them.
CHANGES = {"os.rename": 2, "os.link": 2, "os.symlink": 2}
CHANGES |= dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime"), 1)
CHANGES |= dict.fromkeys(("shutil.rmtree", "sqlite3.connect"), 1)
IN_A_FOLDER = {"os.mkdir", "os.remove", "os.rmdir"}  # their last argument is the folder that the path starts at, or -1
LOOKS = {"os.listdir", "os.scandir"}


def path_of(name: str) -> str:
    """The path that a name means: SQLite is given addresses."""
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def watch(folder: Path) -> None:
    own = [folder / name for name in ("exports", "definitions", "spool")]
    libraries = {
        *sysconfig.get_paths().values(),
        sys.prefix,
        sys.base_prefix,
        "/proc",
        "/sys",
        "/dev",
        "/usr",
        "/lib",
        "/lib64",
    }
    readable = [os.path.realpath(str(place)) for place in (*own, folder / "roots", ROOT, *libraries)]
    writable = [*(os.path.realpath(place) for place in own), "/dev/null", "/dev/shm"]
    log = os.open(folder / "touched.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def check(event: str, path: Any, allowed: list[str]) -> None:
        if isinstance(path, int) or not path:
            return
        real = os.path.realpath(os.fsdecode(path))
        if not any(real == place or real.startswith(f"{place}/") for place in allowed):
            os.write(log, f"{event} {real}\n".encode(errors="replace"))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = bool(arguments[2] & WRITES)
            check("write" if writes else "read", arguments[0], writable if writes else readable)
        elif event in CHANGES:
            start = arguments[-1] if event in IN_A_FOLDER and arguments[-1] >= 0 else None
            base = Path() if start is None else Path(f"/proc/self/fd/{start}").readlink()
            for path in arguments[: CHANGES[event]]:
                check(event, base / path_of(os.fsdecode(path)), writable)
        elif event in LOOKS:
            check(event, arguments[0], readable)

    sys.addaudithook(hook)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    tempfile.tempdir = str(place / "spool")
    sys.dont_write_bytecode = True
    watch(place)
    asyncio.run(serve(Settings()))
