"""Wait for one file in a shared folder: the folder's events say when to look again, never which file to take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

CHANGES = {EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_MOVED}


async def wait_until_whole(path: Path, below: Path, is_whole: Callable[[], bool]) -> None:
    """Wait until `is_whole()` is true for the file at `path`, without a time limit.

    It is called again each time that something in the file's folder was made, moved or closed after writing; if the
    folder does not exist yet, the nearest existing one is watched, from `below` on. Closing is seen on Linux only,
    and changes that another machine makes on a network drive are never seen: set a time limit.
    """
    while not is_whole():
        nearest = _nearest_folder(path, below)
        async with FolderWatch(nearest) as watch:
            # Checked again after the watch has begun, so that no change is missed.
            while not is_whole() and _nearest_folder(path, below) == nearest:
                await watch.wait_for_change()


def _nearest_folder(path: Path, below: Path) -> Path:
    folder = path.parent
    while not folder.is_dir() and folder != below:
        folder = folder.parent
    return folder


class FolderWatch:
    """Events of one folder, without its subfolders.

    Recursive watching misses files written into a folder right after it was made, so every level has its own watch.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._observer = Observer()
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        self._observer.schedule(_ChangeHandler(self._on_change), str(self._folder), recursive=False)
        await asyncio.to_thread(self._observer.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._observer.stop()
        await asyncio.to_thread(self._observer.join)

    async def wait_for_change(self) -> None:
        """Wait until something is made, moved or closed in the folder, since entering or since the last call."""
        await self._changed.wait()
        self._changed.clear()

    def _on_change(self) -> None:
        """Wake the waiting task; called on the observer's thread."""
        self._loop.call_soon_threadsafe(self._changed.set)


class _ChangeHandler(FileSystemEventHandler):
    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change

    def dispatch(self, event: FileSystemEvent) -> None:
        if event.event_type in CHANGES:
            self._on_change()
