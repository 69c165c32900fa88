"""A front over real sockets, in front of runs that the test itself starts and ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from my_app.context import FrontSettings
from my_app.front import Listening, create_front, listen_at
from tests.my_app.parts import Runs

PUBLIC = Path(__file__).parents[2] / "public"


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.fixture
async def front(runs: Runs) -> AsyncIterator[Listening]:
    settings = FrontSettings(public=PUBLIC, heartbeat_s=0.05, threads=4)
    listening = await listen_at(create_front(runs, settings, version="0"), "127.0.0.1", 0)
    yield listening
    await listening.close()


@pytest.fixture
async def client(front: Listening) -> AsyncIterator[ClientSession]:
    """An HTTP client of the front."""
    async with ClientSession(front.url, connector=TCPConnector(limit=0)) as client:
        yield client
