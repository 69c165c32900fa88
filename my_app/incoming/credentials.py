"""Credentials of a request: a key in a header, the cookie of a session; and the user that they stand for."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

COOKIE: Final = "tonewright_session"
BEARER: Final = "bearer "
# The user's id; one middleware puts it on the request.
USER_ID: Final = web.RequestKey("user_id", str)


def shown_key(request: web.Request) -> str | None:
    """Return the key in the header Authorization; None where there is none."""
    header = request.headers.get(hdrs.AUTHORIZATION, "")
    return header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else None
