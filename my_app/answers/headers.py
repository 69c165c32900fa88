"""The headers of every answer that keep a browser from misusing it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # No other page may hold a window of ours, or show one in a frame in which a click would start or cancel a run.
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    # A file of a run may be SVG or HTML: it may be shown, but it runs no script and embeds nothing from elsewhere.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; frame-ancestors 'none'"
    ),
}


def secure(response: web.StreamResponse) -> None:
    """Add the headers that an answer does not set by itself."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
