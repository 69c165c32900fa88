"""The stems of a run's music, one by one or in one archive."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Generator, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from aiohttp import hdrs, web
from pydantic import Field

from devserver.errors import InputError
from devserver.playback.derived import StemFile
from devserver.playback.of_runs import RunMedia
from devserver.runs.runs import Runs
from my_app.routes.media import FILE_STATUSES, Download, check_run, respond
from my_app.views.route import Route, RunId
from my_app.views.shapes import Count, Shown

ZIP: Final = "application/zip"
StemName = Annotated[str, Field(description="The stem's name, as the list of stems gives it.")]
READ_BYTES: Final = 256 * 1024
ARCHIVE_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive knows: the same files make the same archive


class StemShown(Shown):
    """One stem of a run's music."""

    name: str
    url: str
    filename: str
    bytes: Count
    seconds: float | None


async def stems(files: RunMedia, runs: Runs, run_id: RunId) -> list[StemShown]:
    """List the run's stems by name; empty if it has none."""
    await check_run(runs, run_id)
    return [_shown(run_id, stem) for stem in await _keep_existing(files, run_id)]


def _shown(run_id: str, stem: StemFile) -> StemShown:
    url = f"/api/media/stems/{run_id}/{quote(stem.name)}"
    size = stem.file.path.stat().st_size
    return StemShown(name=stem.name, url=url, filename=stem.file.filename, bytes=size, seconds=stem.seconds)


async def stem(
    *, request: web.Request, files: RunMedia, runs: Runs, run_id: RunId, name: StemName, query: Download
) -> web.StreamResponse:
    """Send one stem, by the name that the list gives it."""
    await check_run(runs, run_id)
    known = {stem.name: stem.file for stem in await _keep_existing(files, run_id)}
    found = known.get(name) or known.get(name.rpartition(".")[0])
    if found is None:
        raise InputError("unknown_stem", status=404, field="name", value=name, allowed=list(known), run_id=run_id)
    return respond(request, found, query)


async def stems_archive(request: web.Request, files: RunMedia, runs: Runs, run_id: RunId) -> web.StreamResponse:
    """Send all stems in one ZIP archive, packed while it is sent; sound is not compressed twice."""
    await check_run(runs, run_id)
    found = await _keep_existing(files, run_id)
    if not found:
        raise InputError("no_stems", status=404, field="run_id", value=run_id)
    headers = {
        hdrs.CONTENT_TYPE: ZIP,
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


async def _keep_existing(files: RunMedia, run_id: str) -> list[StemFile]:
    """Return the stems whose files are there."""
    found = await files.find_stems(run_id)
    return await asyncio.to_thread(lambda: [stem for stem in found if stem.file.path.is_file()])


class _Outlet(io.RawIOBase):
    """The archive's output: the bytes since the last read."""

    def __init__(self) -> None:
        self._input_form = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._input_form += data
        return len(data)

    def take(self) -> bytes:
        came, self._input_form = bytes(self._input_form), bytearray()
        return came


def archive(stems: Sequence[StemFile]) -> Generator[bytes, None, None]:
    """Yield a stored ZIP archive of the stems, `drums.flac` and so on, in pieces; reads from the disk."""
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


ROUTES: Final = (
    Route("GET", "/api/media/stems/{run_id}.zip", stems_archive, "media", media_type=ZIP, head=False),
    Route("GET", "/api/media/stems/{run_id}", stems, "media"),
    Route("GET", "/api/media/stems/{run_id}/{name}", stem, "media", FILE_STATUSES, media_type="*/*"),
)
