"""A backend that does what it is told, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.comfy.client import Client
from tests.comfy.backend import Backend


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    backend = Backend()
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture
async def client(backend: Backend) -> AsyncIterator[Client]:
    async with Client(backend.url) as client:
        yield client
