"""How the server is, and what it offers."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from my_app.addresses import prefix_of
from my_app.bridge import USER_ID
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.route import Reply, Route
from my_app.routes.pages import PAGE, public_file


async def health(request: web.Request) -> web.StreamResponse:
    """Answered on the loop, so it tells that the loop turns."""
    return json_response(200, request.app[CONTEXT].parts.health())


async def ready(request: web.Request) -> web.StreamResponse:
    """200 when a run could be made now, 503 until then. Why not is told to those who may use the server."""
    is_ready, detail = await request.app[CONTEXT].parts.ready()
    told = detail if request[USER_ID] else {"ready": is_ready}
    return json_response(200 if is_ready else 503, told)


async def openapi(request: web.Request) -> web.StreamResponse:
    """This interface, for programs."""
    document, prefix = request.app[CONTEXT].openapi, prefix_of(request)
    return json_response(200, {**document, "servers": [{"url": prefix}]} if prefix else document)


async def docs(request: web.Request) -> web.StreamResponse:
    """This interface, for people."""
    return await public_file(request, "docs.html")


STATE: Final = Reply("How it is.", {"type": "object"})
ROUTES: Final = (
    Route(
        "GET", "/health", health, "system", "Whether the server is alive", {200: STATE}, is_open=True, is_control=True
    ),
    Route(
        "GET",
        "/ready",
        ready,
        "system",
        "Whether it can make something now",
        {200: STATE, 503: Reply("Not now; the body says why.", {"type": "object"})},
        is_open=True,
        is_control=True,
    ),
    Route(
        "GET",
        "/openapi.json",
        openapi,
        "system",
        "This description",
        {200: Reply("OpenAPI 3.1.", {"type": "object"})},
        is_open=True,
    ),
    Route(
        "GET",
        "/docs",
        docs,
        "system",
        "This description as a page",
        PAGE,
        is_open=True,
    ),
)
