from __future__ import annotations

import inspect
import re

import pytest
from aiohttp import web

from devserver.app import App
from my_app.door.context import CONTEXT, FrontSettings
from my_app.door.visitors import Visitor
from my_app.front import Listening, create_front, listen_at
from my_app.table import ROUTES
from my_app.views.signature import Headers, Received
from tests.my_app.conftest import ROOT
from tests.my_app.still import PUBLIC, Still


async def test_a_port_that_is_taken_is_told(front: Listening, still: Still) -> None:
    with pytest.raises(OSError, match="in use"):
        await listen_at(create_front(still.app, FrontSettings(PUBLIC), version="0"), "127.0.0.1", front.port)


async def test_ipv6_loopback_is_our_own_name_too(still: Still) -> None:
    async with still.client(FrontSettings(PUBLIC), "::1") as client, client.get("/health") as reply:
        assert (reply.status, str(reply.url)[:12]) == (200, "http://[::1]")


def test_every_object_that_a_view_asks_for_is_there_and_none_gets_the_whole_server(still: Still) -> None:
    given = create_front(still.app, FrontSettings(PUBLIC), version="0")[CONTEXT].given
    asked = {one.annotation for route in ROUTES for one in route.signature.arguments if one.kind == "given"}
    assert asked - {web.Request, Headers, Received, Visitor} <= set(given) - {App}


def test_the_list_of_native_views_in_the_architecture_is_true() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    section = page.partition("## Routes that wait or stream")[2].partition("\n## ")[0]
    listed = {name for line in section.splitlines() if line.startswith("|") for name in re.findall(r"`(\w+)`", line)}
    assert listed == {route.view.__name__ for route in ROUTES if inspect.iscoroutinefunction(route.view)}
