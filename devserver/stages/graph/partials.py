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
    """Fetches each piece at once, in the order of the reports, and stores it as an event.

    A piece that cannot be had is a warning: the whole comes with the prompt's end. The block ends when every reported
    piece is here, or at once if it ends with an error.
    """

    def __init__(self, walk: Walk, job: Job) -> None:
        self._walk, self._job = walk, job
        self._reported: asyncio.Queue[PieceMade | None] = asyncio.Queue()
        self._fetching: asyncio.Task[None] | None = None

    def hear(self, reported: PieceMade) -> None:
        """Take note that a backend has a piece."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch_all())
        self._reported.put_nowait(reported)

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
        self._reported.put_nowait(None)
        await self._fetching

    async def _fetch_all(self) -> None:
        while (reported := await self._reported.get()) is not None:
            try:
                await self._fetch(reported)
            except (BackendError, OSError, ValueError, JournalFault) as e:
                self._walk.warn_later(self._job.place, say("partial_missing", problem=str(e)))

    async def _fetch(self, reported: PieceMade) -> None:
        place, exports = self._job.place, self._walk.tools.exports
        index, file = read_partial(reported)
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


def read_partial(reported: PieceMade) -> tuple[int, RemoteFile]:
    """Return the number of a piece and the file of it.

    Raises:
        ValueError: the report has another form.
        UnsafePath: its name leads outside of the backend's folder.
    """
    index, file = reported.index, reported.file
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index <= pieces.LAST_INDEX:
        raise ValueError(f"its index is {index!r}; allowed is a whole number from 0 to {pieces.LAST_INDEX}")
    filename = read_object(file).get("filename")
    if not isinstance(filename, str):
        raise ValueError(f"it names no file, but {file!r:.100}")  # noqa: TRY004 - all of them are one kind of wrong
    subfolder, kind = read_text(read_object(file).get("subfolder")), read_text(read_object(file).get("type")) or "temp"
    return index, RemoteFile(reported.node, "partial", filename, subfolder, kind)


def _named(part: Path, name: str) -> str:
    """Give a fetched piece its name, below the run's folder, by what it is.

    Raises:
        ValueError: it is no sound of a kind that can be joined without a gap.
    """
    kind = sniff(part)
    if kind.ext not in pieces.KINDS:
        raise ValueError(f"it is {kind.mime}; allowed are {' and '.join(pieces.KINDS)}")
    final = part.with_suffix(f".{kind.ext}")
    part.replace(final)
    return f"{name}{kind.ext}"
