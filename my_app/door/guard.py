"""By which name the server is called, and from which page, before any view sees the request.

A page on the internet can point its own name at our address (DNS rebinding), so the Host must be one of ours: a
loopback name, the very address that the connection came to, or a name from the settings. And any page may send a form
here, so a write must come from our own page or from a program, which sends no Origin.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from devserver.errors import InputError
from my_app.addresses.public_urls import LOOPBACK_HOSTS, host_name
from my_app.door.context import FrontSettings
from my_app.door.cors import preflight

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# An origin as a browser writes it, and as `public_urls` may have it.
ORIGIN: Final = re.compile(r"https?://(?P<host>([a-z0-9._-]+|\[[0-9a-f:]+\])(:\d{1,5})?)")


def guard(settings: FrontSettings) -> Middleware:
    """Return the middleware that checks Host on every request and Origin on writes."""
    hosts = LOOPBACK_HOSTS | {host.lower() for host in settings.hosts}

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        name = host_name(host)
        if name not in hosts and (not name or name != _own_address(request)):
            raise InputError("unknown_host", status=403, field="Host", value=host, allowed=sorted(hosts))
        if "%00" in request.rel_url.raw_query_string:
            raise InputError("zero_byte_in_address", status=400, field="query")
        asks = request.method == hdrs.METH_OPTIONS and hdrs.ORIGIN in request.headers
        if request.method in READS and not asks:
            return await handler(request)
        _check_page(request, host, settings.origins)
        return preflight() if asks else await handler(request)

    return check


def _check_page(request: web.Request, host: str, origins: frozenset[str]) -> None:
    """Refuse what comes from a page that is neither ours nor allowed."""
    origin, site = request.headers.get(hdrs.ORIGIN), request.headers.get("Sec-Fetch-Site", "none")
    if origin is None and site not in {"none", "same-origin"}:
        origin = "null"  # a browser that tells no more than that the page is another one's
    if origin is None:
        return
    allowed = {f"http://{host}", f"https://{host}"} | origins
    written = ORIGIN.fullmatch(origin)
    # A proxy may leave the port out of Host. The browser knows whether it is the page's own server that it asks.
    same = written is not None and site == "same-origin" and host_name(written["host"]) == host.lower()
    if origin in allowed or same:
        return
    code = "page_not_allowed" if written else "page_without_address"
    raise InputError(code, status=403, field="Origin", value=origin, allowed=sorted(allowed))


def _own_address(request: web.Request) -> str:
    """Return our address that the client connected to. No name leads a browser to it under a page of its own."""
    if request.transport is None:
        return ""
    address = str(request.transport.get_extra_info("sockname")[0]).partition("%")[0]
    return f"[{address}]" if ":" in address else address
