"""The server's health, readiness and interface description."""

from __future__ import annotations

import os
from http import HTTPStatus
from typing import Final, Literal

from aiohttp import web
from pydantic import Field

from devserver.model.server import ReadyState
from devserver.runs.runs import Runs
from devserver.watching.readiness import Readiness
from my_app.addresses.below import prefix_of
from my_app.door.context import Described, FrontSettings
from my_app.door.visitors import Visitor
from my_app.routes.pages import HTML, public_file
from my_app.views.route import Route
from my_app.views.shapes import Count, Shown
from my_app.views.signature import JsonObject, Reply


class Health(Shown):
    """A server that is alive."""

    status: Literal["ok"] = "ok"
    pid: int = Field(description="of its process")
    runs: Count = Field(description="how many unfinished runs this process has")


async def health(runs: Runs) -> Health:
    """Tell that the server is alive. The loop answers it, so the loop is alive too."""
    return Health(status="ok", pid=os.getpid(), runs=runs.walking)


async def ready(readiness: Readiness, visitor: Visitor) -> Reply[ReadyState]:
    """Tell whether a run can be made now: 200 if so, else 503.

    The reasons are shown to users of the server.
    """
    found = await readiness.ask()
    body = found if visitor.user_id else ReadyState(ready=found.ready)
    return Reply(body, HTTPStatus.OK if found.ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def openapi(request: web.Request, described: Described) -> JsonObject:
    """Describe this interface for programs."""
    prefix = prefix_of(request)
    return {**described, "servers": [{"url": prefix}]} if prefix else described


async def docs(request: web.Request, settings: FrontSettings) -> web.StreamResponse:
    """Describe this interface for people."""
    return await public_file(request, settings, "docs.html")


ROUTES: Final = (
    Route("GET", "/health", health, "system", is_open=True, is_control=True),
    Route("GET", "/ready", ready, "system", failures={503: ReadyState}, is_open=True, is_control=True),
    Route("GET", "/openapi.json", openapi, "system", is_open=True),
    Route("GET", "/docs", docs, "system", (200, 304), media_type=HTML, is_open=True),
)
