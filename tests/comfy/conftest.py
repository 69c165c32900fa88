"""A backend that does what it is told, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.comfy.client import Client
from devserver.comfy.follow import Follower
from devserver.comfy.prompt import Outcome, PromptEvent
from tests.comfy.backend import GRAPH, Backend, Run
from tests.patience import PATIENCE_S


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


@pytest.fixture
async def follower(client: Client) -> AsyncIterator[Follower]:
    follower = Follower(client, "ours", poll_seconds=0.05, patience_seconds=PATIENCE_S)
    await follower.start()
    yield follower
    await follower.close()


@pytest.fixture
def run(client: Client, follower: Follower) -> Run:
    """Submit a prompt, follow it to its end; the outcome and what was heard."""

    async def run(prompt_id: str = "p") -> tuple[Outcome, list[PromptEvent]]:
        heard: list[PromptEvent] = []
        async with follower.watch(prompt_id, GRAPH) as watch:
            await client.submit(GRAPH, prompt_id, follower.client_id)
            return await watch.wait_for_outcome(heard.append), heard

    return run
