"""How the server is, and what it offers."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from aiohttp import web

from devserver.app import Parts
from my_app.addresses import prefix_of
from my_app.context import Context
from my_app.route import Route
from my_app.routes.pages import HTML, public_file
from my_app.signature import JsonObject, Reply
from my_app.visitors import Visitor


async def health(parts: Parts) -> JsonObject:
    """Tell that the server is alive. It is answered on the loop, so it tells that the loop turns."""
    return parts.health()


async def ready(parts: Parts, visitor: Visitor) -> Reply[JsonObject]:
    """Tell whether something can be made now: 200 when it can, 503 until then.

    Why not is told to those who may use the server.
    """
    found = await parts.ready()
    told = found.as_json() if visitor.user_id else {"ready": found.ready}
    return Reply(told, HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def openapi(request: web.Request, context: Context) -> JsonObject:
    """Describe this interface for programs."""
    prefix = prefix_of(request)
    return {**context.openapi, "servers": [{"url": prefix}]} if prefix else context.openapi


async def docs(request: web.Request, context: Context) -> web.StreamResponse:
    """Describe this interface for people."""
    return await public_file(request, context, "docs.html")


ROUTES: Final = (
    Route("GET", "/health", health, "system", is_open=True, is_control=True),
    Route("GET", "/ready", ready, "system", failures={503: JsonObject}, is_open=True, is_control=True),
    Route("GET", "/openapi.json", openapi, "system", is_open=True),
    Route("GET", "/docs", docs, "system", (200, 304), media_type=HTML, is_open=True),
)
