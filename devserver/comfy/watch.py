"""Waiting for one file in a shared folder: the folder's events say when to look again, never which file to take."""

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

TELLING = {EVENT_TYPE_CLOSED, EVENT_TYPE_CREATED, EVENT_TYPE_MOVED}


async def until_whole(path: Path, below: Path, whole: Callable[[], bool]) -> None:
    """Wait until `whole()` is true of the file at `path`, for ever if need be.

    It is asked again each time that something in the file's folder was made, moved or closed after writing; a folder
    that does not exist yet is waited for in the nearest one that does, from `below` on. Closing is seen on Linux
    only, and nothing at all is seen of what another machine does on a network drive: set a time limit.
    """
    while not whole():
        nearest = _nearest_folder(path, below)
        async with FolderWatch(nearest) as watch:
            # Looked at again after the watch stands, so that nothing falls between the two.
            while not whole() and _nearest_folder(path, below) == nearest:
                await watch.stirred()


def _nearest_folder(path: Path, below: Path) -> Path:
    folder = path.parent
    while not folder.is_dir() and folder != below:
        folder = folder.parent
    return folder


class FolderWatch:
    """Events of one folder, those of its subfolders left out.

    Recursive watching loses what is written into a folder right after it was made, so every step is watched by itself.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._observer = Observer()
        self._stirred = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        self._observer.schedule(_Witness(self._tell), str(self._folder), recursive=False)
        await asyncio.to_thread(self._observer.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._observer.stop()
        await asyncio.to_thread(self._observer.join)

    async def stirred(self) -> None:
        """Wait until something was made, moved or closed in the folder, since entering or since the last call."""
        await self._stirred.wait()
        self._stirred.clear()

    def _tell(self) -> None:
        """Called on the observer's thread."""
        self._loop.call_soon_threadsafe(self._stirred.set)


class _Witness(FileSystemEventHandler):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell

    def dispatch(self, event: FileSystemEvent) -> None:
        if event.event_type in TELLING:
            self._tell()
