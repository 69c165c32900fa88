"""The run folders under `exports/`: names, atomic files, and where state that is never served lies."""

from __future__ import annotations

import fcntl
import json
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Final

from devserver.errors import FolderLocked, InputError
from devserver.system.atomic import write_atomic
from devserver.system.clock import Clock

RECORD: Final = "metadata.json"
PREPARED: Final = frozenset({"01_config.json", "02_input.txt"})  # what is there before a run is accepted
WRITTEN: Final = re.compile(
    r".+\.[0-9a-f]{8}\.part"
)  # by write_atomic, which a kill ended; others stay to be looked at
RUN_ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}")
RUN_ID_ALONE: Final = f"^{RUN_ID.pattern}$"  # as a JSON Schema has it


class Exports:
    """The folder that holds one folder per run, and `.state/`.

    Args:
        node: the name of this process's node where several share the folder; None where one has it for itself.
        works: whether this process is the node's worker, of which there is one, with a folder of its own.
    """

    def __init__(self, root: Path, node: str | None = None, *, works: bool = True) -> None:
        self.root, self.node, self._works = root.resolve(), node, works
        self.state = self.root / ".state"
        self.embedded = (self.state / "nodes" / node if node else self.state) / "embedded"
        self.uploads = self.state / "uploads"
        self._locks: list[IO[str]] = []

    def lock(self, holder: Mapping[str, object]) -> None:
        """Make the folders and take them for this process; where several share them, the node's own ones.

        Raises:
            FolderLocked: another server has them; the message says which.
        """
        for folder in (self.root, self.state, self.uploads):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            if self.node is None:
                self._take(self.state / "lock", fcntl.LOCK_EX, holder, f"{self.root} is in use by another server")
            else:
                message = f"{self.root} is in use by a server that has it for itself (without a database_url)"
                self._take(self.state / "lock", fcntl.LOCK_SH, holder, message)
            if self._works:
                self.embedded.mkdir(parents=True, exist_ok=True)
            if self._works and self.node is not None:
                message = f"the node {self.node} runs already; give this one a name of its own with --node"
                self._take(self.embedded.with_name("lock"), fcntl.LOCK_EX, holder, message)
        except FolderLocked:
            self.unlock()
            raise

    def _take(self, path: Path, kind: int, holder: Mapping[str, object], message: str) -> None:
        file = path.open("a+", encoding="utf8")
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError as e:
            file.seek(0)
            with file:
                raise FolderLocked(f"{message}: {file.read().strip()}") from e
        self._locks.append(file)
        file.seek(0)
        file.truncate()
        file.write(json.dumps(dict(holder)))
        file.flush()

    def unlock(self) -> None:
        while self._locks:
            self._locks.pop().close()

    def new_run_id(self, clock: Clock) -> str:
        """Return a new id that sorts by time and is easy to tell apart: `20240131-235959-1f2e3d4c`."""
        return f"{clock.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"

    def folder(self, run_id: str) -> Path:
        """Return the run's folder. `run_id` must look like one; it is never used as a path otherwise."""
        if not RUN_ID.fullmatch(run_id):
            raise ValueError(f"{run_id!r} is not a run id")
        return self.root / run_id

    def run_folders(self) -> list[Path]:
        """Return the folder of every run, the oldest first."""
        return sorted(folder for folder in self.root.iterdir() if RUN_ID.fullmatch(folder.name))

    def open_temporary(self) -> IO[bytes]:
        """Open an unbuffered file without a name on the disk of the exports; it is gone when it is closed."""
        return tempfile.TemporaryFile(buffering=0, dir=self.state)

    def discard(self, run_id: str) -> None:
        """Delete the folder of a run that was prepared, but not accepted."""
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    def file(self, run_id: str, name: str) -> Path:
        """Return the path of a file of a run. A link that leads out of the exports counts as no file.

        Raises:
            InputError: it leads out of the exports (404).
        """
        path = self.folder(run_id) / name
        if path.is_symlink() and not path.resolve().is_relative_to(self.root):
            raise InputError("unknown_file", status=404, field="run_id", value=run_id, run_id=run_id)
        return path

    def write(self, run_id: str, name: str, content: bytes) -> Path:
        """Write what the journal could tell again; nobody waits until the disk has it."""
        path = self.folder(run_id) / name
        write_atomic(path, content, synced=False)
        return path

    def count_records(self) -> int:
        """Return the number of runs with a record."""
        return sum(1 for _ in self.root.glob(f"*/{RECORD}"))

    def unfinished(self, before_s: float) -> Iterator[str]:
        """Clear what a killed process left half written in run folders before a time.

        Yields:
            The runs whose folder holds no more than is written before a run is accepted.
        """
        for folder in self.root.iterdir():
            if not RUN_ID.fullmatch(folder.name) or not folder.is_dir():
                continue
            old = folder.stat().st_mtime < before_s
            for part in folder.glob("*.part"):
                if WRITTEN.fullmatch(part.name) and part.stat().st_mtime < before_s:
                    part.unlink(missing_ok=True)
            names = {path.name for path in folder.iterdir()}
            if old and names <= PREPARED:
                yield folder.name

    def clear_parts(self, run_id: str) -> None:
        """Delete what a killed process left half written."""
        for part in self.folder(run_id).glob("*.part"):
            part.unlink(missing_ok=True)

    def clear_embedded(self, run_id: str, inputs: Iterable[str] = ()) -> None:
        """Delete what the embedded backend wrote for a run, and its copies (`sha256.ext`) of the run's own files."""
        # A run that was taken over has left something at the node that it comes from, too.
        for embedded in self.state.glob("nodes/*/embedded") if self.node else [self.embedded]:
            for kind in ("output", "temp"):
                shutil.rmtree(embedded / kind / "tonewright" / run_id, ignore_errors=True)
            for name in inputs:
                (embedded / "input" / "tonewright" / name).unlink(missing_ok=True)

    def clear_attempt(self, run_id: str, name: str) -> None:
        """Delete what the embedded backend wrote in one attempt of a run, whose files begin with `name`."""
        for kind in ("output", "temp"):
            for path in (self.embedded / kind / "tonewright" / run_id).glob(f"{name}_*"):
                path.unlink(missing_ok=True)
