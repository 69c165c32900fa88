from __future__ import annotations

import inspect
import re
from typing import cast

import pytest
from aiohttp import ClientSession

from devserver.app import Parts
from my_app.context import FrontSettings
from my_app.front import Listening, create_front, listen_at
from my_app.table import ROUTES
from tests.my_app.conftest import PUBLIC, ROOT
from tests.my_app.parts import Runs


async def test_a_port_that_is_taken_is_told(front: Listening, runs: Runs) -> None:
    with pytest.raises(OSError, match="in use"):
        await listen_at(create_front(cast(Parts, runs), FrontSettings(PUBLIC), version="0"), "127.0.0.1", front.port)


async def test_ipv6_loopback_is_our_own_name_too(runs: Runs) -> None:
    listening = await listen_at(create_front(cast(Parts, runs), FrontSettings(PUBLIC), version="0"), "::1", 0)
    try:
        async with ClientSession(listening.url) as client, client.get("/health") as reply:
            assert (reply.status, listening.url[:12]) == (200, "http://[::1]")
    finally:
        await listening.close()


def test_the_list_of_native_views_in_the_architecture_is_true() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    section = page.partition("## Routes that wait or stream")[2].partition("\n## ")[0]
    listed = {name for line in section.splitlines() if line.startswith("|") for name in re.findall(r"`(\w+)`", line)}
    assert listed == {route.view.__name__ for route in ROUTES if inspect.iscoroutinefunction(route.view)}
