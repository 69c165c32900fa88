"""The span of a request, where traces are sent anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

if TYPE_CHECKING:
    from devserver.watching.tracing import Tracing

# The request's own span, which takes the place of the one that it came from.
TRACE: Final = web.RequestKey("trace", str)
READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})


def trace_requests(tracing: Tracing) -> Middleware:
    """Return the middleware that sends a span for each write, and for each read that belongs to somebody's trace.

    What a page reads by itself all the time is no trace of anything.
    """

    @web.middleware
    async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get("traceparent")
        if request.method in READS and header is None:
            return await handler(request)
        span, request[TRACE] = tracing.begin(header)
        status = 499  # the client went
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            resource = request.match_info.route.resource
            path = resource.canonical if resource is not None else ""
            attributes = {
                "http.request.method": request.method,
                "http.route": path,
                "http.response.status_code": status,
            }
            tracing.end_request(span, f"{request.method} {path}".strip(), attributes)

    return trace
