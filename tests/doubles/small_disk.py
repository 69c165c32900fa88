"""A disk of a few megabytes, for a server that runs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

BALLAST = "ballast"
CHUNK_BYTES = 1 << 16


@cache
def mounting() -> tuple[str, ...]:
    """How a mount namespace is made here; empty where nobody may."""
    for way in (("unshare", "--mount"), ("unshare", "--mount", "--user", "--map-root-user")):
        with suppress(FileNotFoundError):
            tried = [*way, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
            if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
                return way
    return ()


def on_small_disk(folder: Path, size_bytes: int) -> tuple[str, ...]:
    """What a command is started by so that `folder` is a disk of this size for it alone."""
    mount = f'mount -t tmpfs -o size={size_bytes} tmpfs "{folder}" && exec "$@"'
    return (*mounting(), "sh", "-c", mount, "sh")


class SmallDisk:
    """The disk as the process `pid` sees it."""

    def __init__(self, folder: Path, pid: int) -> None:
        self.folder = Path(f"/proc/{pid}/root", *folder.parts[1:])

    def fill(self, left_bytes: int) -> None:
        """Leave no more room than this."""
        with (self.folder / BALLAST).open("ab") as ballast, suppress(OSError):
            while (more := min(self._free_bytes() - left_bytes, CHUNK_BYTES)) > 0:
                os.write(ballast.fileno(), bytes(more))

    def make_room(self) -> None:
        (self.folder / BALLAST).unlink()

    def _free_bytes(self) -> int:
        told = os.statvfs(self.folder)
        return told.f_bavail * told.f_frsize
