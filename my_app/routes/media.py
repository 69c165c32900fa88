"""The files of a run, with Range, ETag and HEAD, so that a player can seek."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal
from urllib.parse import quote

from aiohttp import ETag, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest
from pydantic import BaseModel, Field

from devserver.errors import InputError, unknown_run
from devserver.playback.derived import Media
from devserver.playback.of_runs import RunMedia
from devserver.runs.runs import Runs
from my_app.views.route import Route, RunId
from my_app.views.signature import Whole

Medium = Annotated[Literal["audio", "video", "image", "file"], Field(description="The medium.")]
Index = Annotated[Whole, Field(ge=0, lt=1_000_000, description="Counts the run's files of that medium.")]
RANGE: Final = re.compile(r"bytes=([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})")


class Download(BaseModel):
    """The options of a file's answer."""

    download: str | None = Field(None, description="Present: as an attachment, to be saved.")


async def media_file(
    *,
    request: web.Request,
    files: RunMedia,
    runs: Runs,
    media: Medium,
    run_id: RunId,
    query: Download,
    index: Index | None = None,
) -> web.StreamResponse:
    """Send a run's main output of one medium, or with an index one of its files of that medium."""
    found = await _existing(files, run_id, media, index)
    if found is None:
        await check_run(runs, run_id)
        raise InputError(
            "unknown_file",
            status=404,
            field="media" if index is None else "index",
            value=media if index is None else index,
            run_id=run_id,
        )
    return respond(request, found, query)


async def _existing(files: RunMedia, run_id: str, media: str, index: int | None) -> Media | None:
    found = await files.find_media(run_id, media, index)
    return found if found is not None and await asyncio.to_thread(found.path.is_file) else None


async def check_run(runs: Runs, run_id: str) -> None:
    """Refuse the id of a run that there is not (404)."""
    if await runs.owner(run_id) is None:
        raise unknown_run(run_id)


def respond(request: web.Request, media: Media, query: Download) -> web.StreamResponse:
    """Return the file, or 304 where the client has it already, or 412 where it wanted another one."""
    matching = request.if_match
    if matching is not None and not _names(media.etag, (tag for tag in matching if not tag.is_weak)):
        raise web.HTTPPreconditionFailed
    if request.if_none_match is not None and _names(media.etag, request.if_none_match):
        return web.Response(status=304, headers={hdrs.ETAG: f'"{media.etag}"', hdrs.CACHE_CONTROL: "no-cache"})
    return FileOfRun(media, attachment=query.download is not None)


def _names(etag: str, tags: Iterable[ETag]) -> bool:
    return any(tag.value in {etag, "*"} for tag in tags)


class SentFile(web.FileResponse):
    """A file that is sent by the system itself; who takes nothing of it for too long has gone."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        try:
            return await super().prepare(request)
        except TimeoutError as error:  # of the connection (see `room.end_when_unread`), which is no mistake of ours
            raise ConnectionResetError("The client takes nothing.") from error


class FileOfRun(SentFile):
    """Sends the file or a range of it, under a tag that is the content's hash."""

    def __init__(self, media: Media, *, attachment: bool) -> None:
        kind = "attachment" if attachment else "inline"
        plain = media.filename.encode("ascii", "replace").decode().replace('"', "'").replace("\\", "_")
        name = f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(media.filename, safe='')}"
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: media.mime,
            hdrs.CONTENT_DISPOSITION: name,
            hdrs.ACCEPT_RANGES: "bytes",
            hdrs.CACHE_CONTROL: "no-cache",  # keep it, but ask: a file belongs to its run and may be deleted with it
        }
        if not media.mime.startswith(("audio/", "video/")):
            headers["Content-Security-Policy"] = "sandbox"  # what a graph made may be a page or an SVG with a script
        super().__init__(media.path, headers=headers)
        self.tag = media.etag

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        ranges, newer = request.headers.get(hdrs.RANGE, ""), request.headers.get(hdrs.IF_RANGE)
        # Several ranges at once, another unit, or a range of what the file was before: the whole file is the answer.
        partly = RANGE.fullmatch(ranges) and (newer is None or newer == f'"{self.tag}"')
        # Without its conditions, which aiohttp would compare with a tag of its own, made from the file's time.
        return await super().prepare(with_headers(request, hdrs.RANGE if partly else ""))


def with_headers(request: BaseRequest, *names: str) -> BaseRequest:
    """The request with these of its headers alone, where they are ASCII, as all that these may be is.

    Which page asks stays in it, as the answer's own headers depend on that.
    """
    sent = {name: request.headers.get(name, "") for name in (*names, hdrs.ORIGIN, hdrs.REFERER)}
    return request.clone(headers={name: value for name, value in sent.items() if value and value.isascii()})


async def tag_files(_: web.Request, response: web.StreamResponse) -> None:
    """Put the content's hash where aiohttp has just put a tag of its own. Runs before the headers are sent."""
    if isinstance(response, FileOfRun):
        response.headers[hdrs.ETAG] = f'"{response.tag}"'
        response.headers.popall(hdrs.LAST_MODIFIED, None)  # a second clock beside the hash could only disagree


FILE_STATUSES: Final = (200, 206, 304, 412, 416)
ROUTES: Final = (
    Route("GET", "/api/media/{media}/{run_id}", media_file, "media", FILE_STATUSES, media_type="*/*"),
    Route("GET", "/api/media/{media}/{run_id}/{index}", media_file, "media", FILE_STATUSES, media_type="*/*"),
)
