"""The browser's files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_request import BaseRequest

from my_app.context import CONTEXT
from my_app.route import Reply, Route
from my_app.routes.media import SentFile, with_headers

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


async def index(request: web.Request) -> web.StreamResponse:
    """The page that starts a run and plays it."""
    return await public_file(request, "index.html")


async def public(request: web.Request) -> web.StreamResponse:
    """A file of the page."""
    return await public_file(request, request.match_info["path"])


async def public_file(request: web.Request, name: str) -> web.StreamResponse:
    """A file below the public folder, never one beside it."""
    path = await asyncio.to_thread(_find, request.app[CONTEXT].settings.public, name)
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


PAGE: Final = {200: Reply("A page.", None, "text/html"), 304: Reply("The browser has it already.")}
ROUTES: Final = (
    Route("GET", "/", index, "pages", "The page", PAGE, is_open=True),
    Route(
        "GET",
        "/public/{path:.+}",
        public,
        "pages",
        "A file of the page",
        {**PAGE, 200: Reply("The file.", None, "*/*"), 404: Reply("There is no such file.", "Error")},
        is_open=True,
    ),
)
