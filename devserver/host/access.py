"""Access to a host: only programs of this machine that send its token, and no page of another server."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
TOKEN_BYTES: Final = 32


def new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


def bearer_header(token: str) -> str:
    """Return the value of the header Authorization for a token."""
    return f"Bearer {token}"


def load_token(path: Path) -> tuple[str, bool]:
    """Return the token in a file, and whether it was created now because there was none.

    Raises:
        ValueError: the file is empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = path.read_text("utf8").strip()
        if not token:
            raise ValueError(f"{path} is empty; write a token into it, or delete it for a new one") from None
        return token, False
    with os.fdopen(handle, "w", encoding="utf8") as file:
        token = new_token()
        file.write(f"{token}\n")
    return token, True


def guard(token: str | None, is_foreign: Callable[[str, str], bool]) -> Middleware:
    """Return the middleware that checks access.

    Like ComfyUI it refuses pages of other origins; it also refuses other names for this machine (DNS rebinding), pages
    that do not send their origin, and requests without the token.

    Args:
        token: must be in `Authorization`, also for the socket; None allows every program of this machine.
        is_foreign: whether an origin is another one than a host's.
    """
    shown = bearer_header(token).encode() if token is not None else b""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = urlsplit(f"//{request.host.lower()}")
        if host.hostname not in LOOPBACK_NAMES or _is_cross_origin(request, host.netloc, is_foreign):
            return web.Response(status=403)
        if token is not None and not hmac.compare_digest(request.headers.get(hdrs.AUTHORIZATION, "").encode(), shown):
            return web.Response(status=401, headers={hdrs.WWW_AUTHENTICATE: "Bearer"})
        if request.method == hdrs.METH_OPTIONS:
            return web.Response()
        return await handler(request)

    return check


def _is_cross_origin(request: web.Request, host: str, is_foreign: Callable[[str, str], bool]) -> bool:
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None:
        netloc = urlsplit(origin.lower()).netloc  # '' for `null`: a sandboxed frame, a file, a data: page
        return not netloc or is_foreign(host, netloc)
    return request.method not in READS and request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
