"""Who may talk to the server, before any view sees the request.

A page on the internet can point its own name at 127.0.0.1 (DNS rebinding), so the Host must be one of ours; and any
page may send a form here, so a write must come from our own page or from a program, which sends no Origin.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from devserver.errors import InputError
from my_app.bridge import USER_ID
from my_app.context import LOOPBACK_HOSTS, FrontSettings
from my_app.route import check_run_id

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def guard(settings: FrontSettings) -> Middleware:
    """The middleware that checks Host on every request and Origin on writes."""
    hosts = LOOPBACK_HOSTS | {host.lower() for host in settings.hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if host_name(host) not in hosts:
            raise InputError(
                f"This server does not answer to the name {host!r}.",
                status=403,
                field="Host",
                value=host,
                allowed=sorted(hosts),
            )
        origin = request.headers.get("Origin")
        if request.method not in READS and origin is not None:
            allowed = {f"http://{host}", f"https://{host}"} | settings.origins
            if origin not in allowed:
                raise InputError(
                    "A page of another server may not change anything here.",
                    status=403,
                    field="Origin",
                    value=origin,
                    allowed=sorted(allowed),
                )
        return await handler(request)

    return check


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say who asks. Without keys everybody on loopback is `local`; keys are checked here and nowhere else."""
    request[USER_ID] = "local"
    return await handler(request)


@web.middleware
async def check_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only what has the shape of a run id stand where a path has one."""
    run_id = request.match_info.get("run_id")
    if run_id is not None:
        check_run_id(run_id)
    return await handler(request)


def host_name(host: str) -> str:
    """The name in a Host header, lower case and without its port: `[::1]:80` gives `[::1]`. '' for what is no host."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises for what is no port
    except ValueError:
        return ""
    if parts.hostname is None or parts.path or parts.query or parts.fragment or parts.username is not None:
        return ""
    return f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
