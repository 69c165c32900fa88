"""Metrics for Prometheus."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from devserver.watching.metrics import Metrics
from my_app.views.route import Route
from my_app.views.signature import Headers


async def metrics(counted: Metrics, headers: Headers) -> web.StreamResponse:
    """Count for Prometheus: what this process did, and how runs, queues and backends stand now.

    In Prometheus' own text format, or as OpenMetrics where that is asked for.
    """
    body, content_type = await counted.render(headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


ROUTES: Final = (Route("GET", "/metrics", metrics, "system", media_type="text/plain"),)
