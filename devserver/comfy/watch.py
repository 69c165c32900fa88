"""A folder of a backend, watched for files that are closed after writing: a witness, never a finder of files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer


class FolderWatch:
    """Tells when a file below `folder`, at any depth, was written and closed.

    Only what happens after entering is seen, so look for the file itself after entering. The event exists on Linux
    (inotify); elsewhere, and on network drives that another machine writes to, nothing is ever told.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._observer = Observer()
        self._closed: set[Path] = set()
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        self._observer.schedule(_Witness(self._tell), str(self._folder), recursive=True)
        await asyncio.to_thread(self._observer.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._observer.stop()
        await asyncio.to_thread(self._observer.join)

    async def closed(self, path: Path) -> None:
        """Wait until this very file was closed since entering, or since this was asked last.

        It waits for ever if need be: bound it by a time limit.
        """
        wanted = path.parent.resolve() / path.name
        while wanted not in self._closed:
            self._changed.clear()
            await self._changed.wait()
        self._closed.discard(wanted)

    def _tell(self, path: str | bytes) -> None:
        """Called on the observer's thread."""
        name = path.decode() if isinstance(path, bytes) else path
        self._loop.call_soon_threadsafe(self._note, Path(name))

    def _note(self, path: Path) -> None:
        self._closed.add(path)
        self._changed.set()


class _Witness(FileSystemEventHandler):
    def __init__(self, tell: Callable[[str | bytes], None]) -> None:
        self._tell = tell

    def on_closed(self, event: FileSystemEvent) -> None:
        self._tell(event.src_path)

    def on_moved(self, event: FileSystemEvent) -> None:
        self._tell(event.dest_path)
