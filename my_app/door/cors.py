"""Pages of other origins that `public_urls` allows: what their browser asks before, and what it must be told (CORS)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
SENT: Final = ", ".join(
    (
        *("Accept", "Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
        *("If-Range", "Last-Event-ID", "Prefer", "Range", "traceparent", "tracestate"),
    )
)
READ: Final = ", ".join(
    (
        *("Accept-Ranges", "Allow", "Content-Disposition", "Content-Length", "Content-Range", "ETag"),
        *("Idempotency-Replayed", "Location", "Retry-After", "WWW-Authenticate"),
    )
)
KEPT_S: Final = 600  # how long a browser need not ask again


def preflight() -> web.Response:
    """Return the answer to a browser that asks whether a page of an allowed origin may send something."""
    about = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: METHODS,
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: SENT,
        hdrs.ACCESS_CONTROL_MAX_AGE: str(KEPT_S),
    }
    return web.Response(status=204, headers=about)


def share(request: web.Request, response: web.StreamResponse, origins: frozenset[str]) -> None:
    """Let pages of allowed origins read an answer, whatever it is, and embed it."""
    if not origins:
        return
    vary = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{vary}, {hdrs.ORIGIN}" if vary else hdrs.ORIGIN
    origin = request.headers.get(hdrs.ORIGIN)
    if origin in origins:
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_CREDENTIALS] = "true"
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = READ
    if (origin or _page_of(request)) in origins:
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _page_of(request: web.Request) -> str:
    """Return the origin of the page that shows what is asked for: an `<audio>` of another origin sends no Origin."""
    try:
        page = urlsplit(request.headers.get(hdrs.REFERER, ""))
    except ValueError:
        return ""
    return f"{page.scheme}://{page.netloc}"
