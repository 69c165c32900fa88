"""The span of a request, where traces are sent anywhere."""

from __future__ import annotations

import time
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from devserver.watching.tracing import TRACEPARENT, Tracing
from my_app.bridge import TRACE

READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


def traced(tracing: Tracing) -> Middleware:
    """The middleware that sends a span for each write, and for each read that belongs to somebody's trace.

    What a page reads by itself all the time is no trace of anything.
    """

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get(TRACEPARENT)
        if request.method in READS and header is None:
            return await handler(request)
        above, own = tracing.join(header)
        request[TRACE] = own.header()
        begun_ns, status = time.time_ns(), 499  # the client went
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            path = resource.canonical if resource is not None else ""
            told = {"http.request.method": request.method, "http.route": path, "http.response.status_code": status}
            name = f"{request.method} {path}".strip()
            tracing.answered(name, above, own, begun_ns, told)

    return trace
