"""Fetching the pieces of the main sound while the prompt that makes it still runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver.comfy.errors import BackendError
from devserver.comfy.files import RemoteFile
from devserver.comfy.messages import PieceMade
from devserver.errors.disk import JournalFault
from devserver.errors.sentences import say
from devserver.files import pieces
from devserver.model.events import Piece
from devserver.stages.graph.job import Job
from devserver.stages.walk import Walk
from devserver.system.sniff import sniff
from schemas.json_values import read_object, read_text


class Partials:
    """Brings each piece here at once, in the order in which they were told, and writes it down as an event.

    A piece that cannot be had is a warning: the whole comes with the prompt's end. The block ends when every piece that
    was told is here, or at once where it ends with an error.
    """

    def __init__(self, walk: Walk, job: Job) -> None:
        self._walk, self._job = walk, job
        self._told: asyncio.Queue[PieceMade | None] = asyncio.Queue()
        self._fetching: asyncio.Task[None] | None = None

    def hear(self, told: PieceMade) -> None:
        """Take note that a backend has a piece."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_all())
        self._told.put_nowait(told)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fetching is None:
            return
        if error is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
            return
        self._told.put_nowait(None)
        await self._fetching

    async def _fetch_all(self) -> None:
        while (told := await self._told.get()) is not None:
            try:
                await self._fetch(told)
            except (BackendError, OSError, ValueError, JournalFault) as e:
                self._walk.warn_later(self._job.place, say("partial_missing", problem=str(e)))

    async def _fetch(self, told: PieceMade) -> None:
        place, exports = self._job.place, self._walk.tools.exports
        index, file = read_partial(told)
        part = exports.folder(place.run_id) / pieces.filename(place, index, "part")
        await asyncio.to_thread(part.parent.mkdir, parents=True, exist_ok=True)
        try:
            await self._job.backend.client.fetch(file, part)
            name = await asyncio.to_thread(_named, part, pieces.filename(place, index, ""))
        finally:
            part.unlink(missing_ok=True)
        piece = Piece(index=index, node=file.node_id, file=name)
        try:
            await self._walk.ledger.add_event(place, piece, key=str(index))
        except JournalFault:  # on a full disk; a piece that nobody knows of would only keep it full
            (exports.folder(place.run_id) / name).unlink(missing_ok=True)
            raise


def read_partial(told: PieceMade) -> tuple[int, RemoteFile]:
    """Return the number of a piece and the file of it.

    Raises:
        ValueError: it is told in another form.
        UnsafePath: its name leads outside of the backend's folder.
    """
    index, file = told.index, told.file
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index <= pieces.LAST_INDEX:
        raise ValueError(f"its index is {index!r}; allowed is a whole number from 0 to {pieces.LAST_INDEX}")
    filename = read_object(file).get("filename")
    if not isinstance(filename, str):
        raise ValueError(f"it names no file, but {file!r:.100}")  # noqa: TRY004 - all of them are one kind of wrong
    subfolder, kind = read_text(read_object(file).get("subfolder")), read_text(read_object(file).get("type")) or "temp"
    return index, RemoteFile(told.node, "partial", filename, subfolder, kind)


def _named(part: Path, name: str) -> str:
    """Give a fetched piece its name, below the run's folder, by what it is.

    Raises:
        ValueError: it is no sound of a kind that can be joined without a gap.
    """
    found = sniff(part)
    if found.ext not in pieces.KINDS:
        raise ValueError(f"it is {found.mime}; allowed are {' and '.join(pieces.KINDS)}")
    final = part.with_suffix(f".{found.ext}")
    part.replace(final)
    return f"{name}{found.ext}"
