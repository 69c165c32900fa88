"""The definitions in force: read at the start, and again when files change while the server runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from devserver.model.server import DefinitionsState
from schemas.catalog import Catalog
from schemas.loader import display_path, read_tables, usable_definitions
from schemas.nodes import NodeTable
from schemas.pipeline_rules import RULES, StageRules

log = logging.getLogger(__name__)

# Editors write a file in several steps, and several files at once: wait for this much quiet before reading.
QUIET_S: Final = 0.2
EDITS: Final = frozenset({"closed", "created", "moved", "deleted"})
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})

StatusListener = Callable[[DefinitionsState], None]


class Definitions:
    """Holds the catalog that new runs are accepted against; a run keeps the snapshot it was accepted with.

    Args:
        folders: the required folders; definitions of a later one replace those of an earlier one.
        tables: the node tables of all folders, as they are now; those that cannot be read are left out.
        own: the user's folders, which come after all others. They are watched, and need not exist yet.
        kinds: the kinds of stages that a pipeline may have.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        tables: Mapping[str, NodeTable],
        own: Sequence[Path] = (),
        kinds: Mapping[str, StageRules] = RULES,
    ) -> None:
        self._shipped, self._own = tuple(folders), tuple(folder.absolute() for folder in own)
        self.kinds = kinds
        self.catalog, problems = usable_definitions(self.folders, tables, kinds=kinds)
        self.version = 1
        self.problems = tuple(sorted([*read_tables(self.folders)[1], *problems]))
        self._one_at_a_time = threading.Lock()
        self._observer: Any = None
        self._watches: dict[Path, Any] = {}
        self._edited = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders that exist."""
        return (*self._shipped, *(folder for folder in self._own if folder.is_dir()))

    @property
    def own_folder(self) -> Path | None:
        """Return the folder for new definitions, which replace all others. It need not exist yet."""
        return self._own[-1] if self._own else None

    def status(self) -> DefinitionsState:
        """Return the state of the definitions. A file with problems keeps its last good version, or is left out.

        `version` counts the versions that were in force since the start.
        """
        return DefinitionsState(
            state="broken" if self.problems else "ok",
            version=self.version,
            problems=[asdict(problem) for problem in self.problems],
            folders=[display_path(folder) for folder in self.folders],
            watched=[display_path(folder) for folder in self._own if folder in self._watches],
        )

    def reload(self) -> bool:
        """Read the folders again; return whether anything has changed.

        A definition with problems keeps its last good version. If another change prevents that, all keep theirs.
        """
        with self._one_at_a_time:
            before = (self.version, self.problems)
            folders = self.folders
            tables, wrong = read_tables(folders)
            catalog, problems = usable_definitions(folders, tables, self.catalog, self.kinds)
            self.problems = tuple(sorted([*wrong, *problems]))
            stays = not any(key in self.catalog.sources for key in catalog.broken)
            if stays and (_hashes(catalog) != _hashes(self.catalog) or catalog.broken != self.catalog.broken):
                self.catalog, self.version = catalog, self.version + 1
        changed = before != (self.version, self.problems)
        if changed and self.problems:
            lines = "\n  ".join(map(str, self.problems))
            log.error("Edited definitions have problems; their last good version stays in force:\n  %s", lines)
        elif changed:
            log.info("The definitions were edited; version %s is in force", self.version)
        return changed

    async def start(self, on_change: StatusListener) -> None:
        """Watch the user's folders; call `on_change` with the status after each edit that changes it."""
        if self.problems:
            lines = "\n  ".join(map(str, self.problems))
            log.error("Definitions have problems and are left out, with everything that needs them:\n  %s", lines)
        if not self._own:
            return
        self._observer = Observer()
        self._observer.start()
        self._watch()
        self._task = asyncio.create_task(self._follow(on_change))

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._observer.stop()
        await asyncio.to_thread(self._observer.join)

    async def _follow(self, on_change: StatusListener) -> None:
        while True:
            await self._edited.wait()
            while self._edited.is_set():
                self._edited.clear()
                await asyncio.sleep(QUIET_S)
            self._watch()
            if await asyncio.to_thread(self.reload):
                on_change(self.status())

    def _watch(self) -> None:
        """Watch each folder, or its parent if it does not exist yet."""
        for folder in self._own:
            if not folder.is_dir():
                self._unwatch(folder)
            self._add(folder if folder.is_dir() else folder.parent, recursive=folder.is_dir())

    def _add(self, folder: Path, *, recursive: bool) -> None:
        if folder in self._watches:
            return
        listener = _Listener(asyncio.get_running_loop(), self._edited, self._own)
        try:
            self._watches[folder] = self._observer.schedule(listener, str(folder), recursive=recursive)
        except OSError as e:  # no more watches, or a file system without them
            log.warning("Changes in %s are not noticed while the server runs: %s", folder, e)

    def _unwatch(self, folder: Path) -> None:
        watch = self._watches.pop(folder, None)
        if watch is not None:
            self._observer.unschedule(watch)


class _Listener(FileSystemEventHandler):
    """Receives events on the observer's thread, and sets the asyncio event on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, edited: asyncio.Event, own: Sequence[Path]) -> None:
        self._loop, self._edited, self._own = loop, edited, {str(folder) for folder in own}

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = [str(path) for path in (event.src_path, event.dest_path) if path]
        ours = event.is_directory or any(Path(path).suffix in SUFFIXES for path in paths)
        inside = any(path.startswith(folder) for path in paths for folder in self._own)
        if event.event_type in EDITS and ours and inside and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._edited.set)


def _hashes(catalog: Catalog) -> dict[tuple[str, str], tuple[str, str]]:
    return {key: (source.file, source.sha256) for key, source in catalog.sources.items()}
