"""What Prometheus reads."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import hdrs, web

from my_app.context import CONTEXT
from my_app.route import Reply, Route


async def metrics(request: web.Request) -> web.StreamResponse:
    """Counters of this process, and how runs, queues and backends stand now."""
    told = request.app[CONTEXT].parts.metrics.told
    body, content_type = await asyncio.to_thread(told, request.headers.get(hdrs.ACCEPT, ""))
    return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})


TEXT: Final = Reply("Prometheus' own text format, or OpenMetrics where that is asked for.", None, "text/plain")
ROUTES: Final = (Route("GET", "/metrics", metrics, "system", "What Prometheus reads", {200: TEXT}),)
