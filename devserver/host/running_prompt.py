"""The prompt that a host runs now, in a file that outlives the host: who finds it there knows what the host died at."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

NAME: Final = "running_prompt"
ROOM_BYTES: Final = 256


class RunningPrompt:
    """Written in place before a prompt begins. A kill cannot lose it; a power failure can in its first milliseconds."""

    def __init__(self, base: Path) -> None:
        self._frozen = False
        self._file = os.open(base / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        self._write("")

    def freeze(self) -> None:
        """Leave what stands there now: the server is gone, and what the host runs from now on was not at work."""
        self._frozen = True

    def begin(self, prompt_id: str) -> None:
        self._write(prompt_id)
        asyncio.get_running_loop().run_in_executor(None, os.fdatasync, self._file)  # nothing waits for the disk

    def end(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self._frozen:
            return
        os.pwrite(self._file, text.encode()[:ROOM_BYTES].ljust(ROOM_BYTES), 0)


def take_running_prompt(base: Path) -> str:
    """Read which prompt the last host in this folder was running when it died, and clear it; '' where none was."""
    try:
        left = (base / NAME).read_bytes()
        (base / NAME).unlink()
    except FileNotFoundError:
        return ""
    return left.decode(errors="replace").strip()
