"""The browser's files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest
from pydantic import Field

from my_app.context import Context
from my_app.route import Route
from my_app.routes.media import SentFile, with_headers

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


async def index(context: Context) -> web.StreamResponse:
    """Show the page that starts a run and plays it."""
    return await public_file(context, "index.html")


async def public(context: Context, path: FilePath) -> web.StreamResponse:
    """Send a file of the page."""
    return await public_file(context, path)


async def public_file(context: Context, name: str) -> web.StreamResponse:
    """Send a file below the public folder, never one beside it."""
    path = await asyncio.to_thread(_find, context.settings.public, name)
    headers = {hdrs.CONTENT_TYPE: TYPES[path.suffix], hdrs.CACHE_CONTROL: "no-cache"}
    return PageFile(path, headers=headers)


class PageFile(SentFile):
    """A file that is sent whole, unless the browser has it already."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        return await super().prepare(with_headers(request, hdrs.IF_NONE_MATCH, hdrs.IF_MODIFIED_SINCE))


def _find(folder: Path, name: str) -> Path:
    root = folder.resolve()
    try:
        path = (root / name).resolve()
        found = path.is_file()
    except (OSError, ValueError) as error:  # a name that is too long, or has a zero byte
        raise web.HTTPNotFound from error
    if not found or not path.is_relative_to(root) or path.suffix not in TYPES:
        raise web.HTTPNotFound
    return path


ROUTES: Final = (
    Route("GET", "/", index, "pages", (200, 304), media_type=HTML, is_open=True),
    Route("GET", "/public/{path:.+}", public, "pages", (200, 304), media_type="*/*", is_open=True),
)
