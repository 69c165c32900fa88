"""The id of the prompt that a host runs, in a file that outlives the host, so that a crash can be attributed to it."""

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
        """Keep the present content: the server is gone, and prompts that the host runs from now on do not count."""
        self._frozen = True

    def begin(self, prompt_id: str) -> None:
        self._write(prompt_id)
        asyncio.get_running_loop().run_in_executor(None, os.fdatasync, self._file)  # does not wait for the disk

    def end(self) -> None:
        self._write("")

    def _write(self, text: str) -> None:
        if self._frozen:
            return
        os.pwrite(self._file, text.encode()[:ROOM_BYTES].ljust(ROOM_BYTES), 0)


def take_running_prompt(base: Path) -> str:
    """Return the prompt that the last host in this folder was running when it died, and clear it; '' without one."""
    try:
        left = (base / NAME).read_bytes()
        (base / NAME).unlink()
    except FileNotFoundError:
        return ""
    return left.decode(errors="replace").strip()
