"""By which name the server is called, and from which page, before any view sees the request.

A page on the internet can point its own name at our address (DNS rebinding), so the Host must be one of ours: a
loopback name, the very address that the connection came to, or a name from the settings. And any page may send a form
here, so a write must come from our own page or from a program, which sends no Origin.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from devserver.errors import InputError
from my_app.context import LOOPBACK_HOSTS, FrontSettings

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def guard(settings: FrontSettings) -> Middleware:
    """The middleware that checks Host on every request and Origin on writes."""
    hosts = LOOPBACK_HOSTS | {host.lower() for host in settings.hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        name = host_name(host)
        if name not in hosts and (not name or name != _own_address(request)):
            raise InputError(
                f"This server does not answer to the name {host!r}.",
                status=403,
                field="Host",
                value=host,
                allowed=sorted(hosts),
                hint="`public_urls` in the server's settings adds a name.",
            )
        if "%00" in request.rel_url.raw_query_string:
            raise InputError("The address has a zero byte.", status=400, field="query", allowed="text")
        origin = request.headers.get("Origin")
        if request.method in READS:
            return await handler(request)
        if origin is None and request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            origin = "null"  # a browser that tells no more than that the page is another one's
        if origin is not None:
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


def _own_address(request: web.Request) -> str:
    """The address of ours that the client has connected to. No name leads a browser to it under a page of its own."""
    if request.transport is None:
        return ""
    address = str(request.transport.get_extra_info("sockname")[0]).partition("%")[0]
    return f"[{address}]" if ":" in address else address


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
