"""The voices of a run's music, each for itself or all in one archive."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Generator, Sequence
from typing import Any, Final
from urllib.parse import quote
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from aiohttp import hdrs, web

from devserver.errors import InputError
from my_app.addresses import prefix_of
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.ports import StemFile
from my_app.route import Reply, Route
from my_app.routes.media import DOWNLOAD, REPLIES, known_run, respond

READ_BYTES: Final = 256 * 1024
ARCHIVE_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive knows: the same files make the same archive


async def stems(request: web.Request) -> web.StreamResponse:
    """The run's stems by name; an empty list where it has none."""
    run_id = await known_run(request)
    listed = [
        {
            "name": stem.name,
            "url": f"{prefix_of(request)}/api/media/stems/{run_id}/{quote(stem.name)}",
            "filename": stem.file.filename,
            "bytes": (await asyncio.to_thread(stem.file.path.stat)).st_size,
            "seconds": stem.seconds,
        }
        for stem in await _existing(request)
    ]
    return json_response(200, listed)


async def stem(request: web.Request) -> web.StreamResponse:
    """One stem, by the name that the list gives it."""
    run_id, name = await known_run(request), request.match_info["name"]
    known = {stem.name: stem.file for stem in await _existing(request)}
    found = known.get(name) or known.get(name.rpartition(".")[0])
    if found is None:
        raise InputError(f"Run {run_id} has no such stem.", status=404, field="name", value=name, allowed=list(known))
    return respond(request, found)


async def stems_archive(request: web.Request) -> web.StreamResponse:
    """All stems in one ZIP archive, packed while it is sent; sound is not compressed twice."""
    run_id = await known_run(request)
    found = await _existing(request)
    if not found:
        raise InputError("The run has no stems.", status=404, field="run_id", value=run_id)
    headers = {
        hdrs.CONTENT_TYPE: "application/zip",
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{run_id}_stems.zip"',
        hdrs.CACHE_CONTROL: "no-cache",
    }
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    chunks = archive(found)
    try:
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            await response.write(chunk)
    finally:
        chunks.close()
    await response.write_eof()
    return response


async def _existing(request: web.Request) -> list[StemFile]:
    """The stems whose files are there."""

    def existing() -> list[StemFile]:
        found = request.app[CONTEXT].parts.stems(request.match_info["run_id"])
        return [stem for stem in found if stem.file.path.is_file()]

    return await asyncio.to_thread(existing)


class _Outlet(io.RawIOBase):
    """What the archive is written into: what came since the last look."""

    def __init__(self) -> None:
        self._came = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._came += data
        return len(data)

    def take(self) -> bytes:
        came, self._came = bytes(self._came), bytearray()
        return came


def archive(stems: Sequence[StemFile]) -> Generator[bytes, None, None]:
    """A stored ZIP archive of the stems, `drums.flac` and so on, in pieces; reads from the disk."""
    outlet = _Outlet()
    with ZipFile(outlet, "w", ZIP_STORED) as packed:
        for stem in stems:
            info = ZipInfo(f"{stem.name}{stem.file.path.suffix}", ARCHIVE_DATE)
            info.file_size = stem.file.path.stat().st_size
            with stem.file.path.open("rb") as source, packed.open(info, "w") as target:
                while data := source.read(READ_BYTES):
                    target.write(data)
                    yield outlet.take()
    yield outlet.take()


STEM: Final = {
    "type": "object",
    "required": ["name", "url", "filename", "bytes", "seconds"],
    "properties": {
        "name": {"type": "string"},
        "url": {"type": "string"},
        "filename": {"type": "string"},
        "bytes": {"type": "integer", "minimum": 0},
        "seconds": {"type": ["number", "null"]},
    },
}
BYTES: Final = {"type": "string", "format": "binary"}
UNKNOWN: Final = Reply("There is no such run or stem.", "Error")
ROUTES: Final = (
    Route(
        "GET",
        "/api/media/stems/{run_id}.zip",
        stems_archive,
        "media",
        "All stems of a run in one archive",
        {200: Reply("The archive.", BYTES, "application/zip"), 404: UNKNOWN},
        head=False,
    ),
    Route(
        "GET",
        "/api/media/stems/{run_id}",
        stems,
        "media",
        "The stems of a run",
        {200: Reply("The stems.", {"type": "array", "items": STEM}), 404: UNKNOWN},
    ),
    Route("GET", "/api/media/stems/{run_id}/{name}", stem, "media", "One stem of a run", REPLIES, DOWNLOAD),
)
