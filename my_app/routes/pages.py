"""The browser's files."""

from __future__ import annotations

import asyncio
from os import stat_result
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Final

from aiohttp import ETag, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest
from pydantic import Field

from my_app.answers.compression import PACKED, SMALLEST_BYTES, packed_file, takes_gzip, vary
from my_app.door.context import FrontSettings
from my_app.routes.media import SentFile, with_headers
from my_app.views.route import Route

HTML: Final = "text/html"
FilePath = Annotated[str, Field(description="The file's path below the public folder.")]
# Only these are served, whatever else lies in the folder.
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


async def index(request: web.Request, settings: FrontSettings) -> web.StreamResponse:
    """Show the page that starts a run and plays it."""
    return await public_file(request, settings, "index.html")


async def public(request: web.Request, settings: FrontSettings, path: FilePath) -> web.StreamResponse:
    """Send a file of the page."""
    return await public_file(request, settings, path)


async def public_file(request: web.Request, settings: FrontSettings, name: str) -> web.StreamResponse:
    """Send a file below the public folder, never one beside it."""
    path, about = await asyncio.to_thread(_find, settings.public, name)
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: TYPES[path.suffix], hdrs.CACHE_CONTROL: "no-cache"}
    if headers[hdrs.CONTENT_TYPE].partition(";")[0] not in PACKED or about.st_size < SMALLEST_BYTES:
        return PageFile(path, headers=headers)
    found = await _compress(request, path, about, headers) if takes_gzip(request) else PageFile(path, headers=headers)
    vary(found)
    return found


async def _compress(request: web.Request, path: Path, about: stat_result, headers: dict[str, str]) -> web.Response:
    """Compress a file, under a weak form of its tag: the content is the same, the bytes are not."""
    tag = ETag(f"{about.st_mtime_ns:x}-{about.st_size:x}", is_weak=True)
    since, known = request.if_modified_since, request.if_none_match
    if any(one.value in (tag.value, "*") for one in known or ()) or (
        known is None and since is not None and about.st_mtime <= since.timestamp()
    ):
        response = web.Response(status=304, headers=headers)
    else:
        content = await asyncio.to_thread(packed_file, path, about.st_mtime_ns)
        response = web.Response(body=content, headers={**headers, hdrs.CONTENT_ENCODING: "gzip"})
    response.etag, response.last_modified = tag, about.st_mtime
    return response


class PageFile(SentFile):
    """A file that is sent whole, unless the browser has it already."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        return await super().prepare(with_headers(request, hdrs.IF_NONE_MATCH, hdrs.IF_MODIFIED_SINCE))


def _find(folder: Path, name: str) -> tuple[Path, stat_result]:
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        about = path.stat()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        raise web.HTTPNotFound from error
    if not S_ISREG(about.st_mode) or not path.is_relative_to(root) or path.suffix not in TYPES:
        raise web.HTTPNotFound
    return path, about


ROUTES: Final = (
    Route("GET", "/", index, "pages", (200, 304), media_type=HTML, is_open=True),
    Route("GET", "/public/{path:.+}", public, "pages", (200, 304), media_type="*/*", is_open=True),
)
