"""Flask behind aiohttp: each request becomes a WSGI call on a thread, and its answer comes back in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from wsgiref.types import WSGIApplication

from aiohttp import hdrs, web
from multidict import CIMultiDict
from werkzeug.test import EnvironBuilder, run_wsgi_app

from my_app.addresses.below import prefix_of
from my_app.incoming.credentials import USER_ID
from my_app.incoming.tracing import TRACE
from my_app.views.threads import Threads

ENVIRON_USER_ID: Final = "tonewright.user_id"


@dataclass(frozen=True)
class Bridge:
    """Calls one WSGI app on threads. A view runs to its end even where its client has gone."""

    app: WSGIApplication
    threads: Threads

    async def call(self, request: web.Request, body: bytes) -> web.Response:
        """Run the app for a request and return what it says."""
        environ = environ_of(request, body)
        content, status, headers = await self.threads.run(run_wsgi_app, self.app, environ, buffered=True)
        if request.method != hdrs.METH_HEAD:  # where the header is all that tells the length; else it is counted again
            headers.remove("Content-Length")
        return web.Response(status=int(status[:3]), headers=headers.to_wsgi_list(), body=b"".join(content))


def environ_of(request: web.Request, body: bytes) -> dict[str, Any]:
    """Return the WSGI environ of a request; its headers are those that native views get."""
    environ: dict[str, Any] = EnvironBuilder(
        method=request.method,
        base_url=f"{request.scheme}://{request.host}{prefix_of(request)}",
        path=request.rel_url.raw_path,
        query_string=request.rel_url.raw_query_string,
        headers=headers_of(request).items(),
        input_stream=BytesIO(body),
        environ_base={ENVIRON_USER_ID: request[USER_ID], "wsgi.input_terminated": True},
        multithread=True,
    ).get_environ()
    return environ


def headers_of(request: web.Request) -> Mapping[str, str]:
    """Return the headers of a request by any case, repeated ones joined, with its own span where there is one."""
    headers = CIMultiDict({name.lower(): ",".join(request.headers.getall(name)) for name in request.headers})
    if TRACE in request:
        headers["traceparent"] = request[TRACE]
    return headers
