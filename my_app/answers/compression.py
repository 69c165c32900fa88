"""Answers packed with gzip for those who take it: JSON, text and the page's files; neither media nor streams."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

PACKED: Final = frozenset(
    {
        *("application/json", "application/manifest+json", "application/openmetrics-text", "image/svg+xml"),
        *("text/html", "text/css", "text/javascript", "text/plain"),
    }
)
SMALLEST_BYTES: Final = 1024  # fewer fit into one packet either way


def takes_gzip(request: web.Request) -> bool:
    """Return True for a client that accepts gzip, with a weight above 0."""
    weights = dict[str, str]()
    for part in ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, [])).lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.replace(" ", "").removeprefix("q=") or "1"
    found = weights.get("gzip", weights.get("*", "0"))
    return bool(found.replace(".", "").strip("0"))


def vary(response: web.StreamResponse) -> None:
    """Say to caches that the answer depends on what the client takes."""
    before = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{before}, {hdrs.ACCEPT_ENCODING}" if before else hdrs.ACCEPT_ENCODING


@web.middleware
async def compress(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pack what a view answers in one piece. The library does it, on a thread where that takes long."""
    response = await handler(request)
    if not isinstance(response, web.Response) or response.prepared or hdrs.CONTENT_ENCODING in response.headers:
        return response
    body = response.body
    if isinstance(body, bytes) and len(body) >= SMALLEST_BYTES and response.content_type in PACKED:
        vary(response)
        if takes_gzip(request):
            response.enable_compression(web.ContentCoding.gzip)
    return response


@lru_cache(128)
def packed_file(path: Path, _mtime_ns: int) -> bytes:
    """Return a file packed, as it was at a time."""
    return gzip.compress(path.read_bytes(), mtime=0)
