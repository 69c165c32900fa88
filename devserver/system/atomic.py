"""Files that are whole or not there, whatever ends the process meanwhile."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path


def dump(value: object) -> bytes:
    """Encode JSON for the run folder: readable, in the order in which it was built."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def write_atomic(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it.

    `synced` waits until the disk has it, which a kill does not need and a power failure does.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):  # on a full disk half a file is in the way
            part.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Put a file, or a folder's names, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
