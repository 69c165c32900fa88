"""A prompt that was given up is withdrawn before its backend gets anything else, over restarts too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from devserver.backends.pool import Pool
from devserver.backends.sources import Backend
from devserver.comfy.client import Queue
from devserver.comfy.errors import Unreachable
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.queueing.given_up import GivenUp
from devserver.system.clock import Clock
from tests.doubles.at_once import AtOnce, rows
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S


class Client:
    """The client of a backend that has prompts in its queue, and deletes them when it is asked to and answers."""

    def __init__(self, *prompts: str) -> None:
        self.pending, self.answers, self.deleted = list(prompts), True, list[str]()

    async def queue(self) -> Queue:
        if not self.answers:
            raise Unreachable("no answer")
        return Queue(running=(), pending=tuple(self.pending))

    async def delete(self, prompt_id: str) -> None:
        self.pending.remove(prompt_id)
        self.deleted.append(prompt_id)

    async def close(self) -> None:
        """It has no connection."""


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


@pytest.fixture
def gpu(pool: Pool) -> Backend:
    return add_backend(pool, "gpu", state="down")


@pytest.fixture
def client(gpu: Backend) -> Iterator[Client]:
    double: Any = Client("lost", "other")
    real, gpu.client = gpu.client, double
    yield double
    gpu.client = real


@pytest.fixture
async def given_up(database: Database, pool: Pool) -> AsyncIterator[GivenUp]:
    made = GivenUp(database, lambda: pool.backends)
    yield made
    await made.close()


async def test_it_is_withdrawn_when_its_backend_answers_again(
    database: Database, given_up: GivenUp, gpu: Backend, client: Client
) -> None:
    changed = asyncio.Event()
    given_up.on_change = changed.set
    AtOnce(database, given_up).write("gpu", "lost")
    given_up.note("gpu", "lost")
    assert (given_up.blocks("gpu"), given_up.count("gpu")) == (True, 1)
    gpu.state = "up"
    given_up.look()
    async with asyncio.timeout(PATIENCE_S):
        await changed.wait()
    assert client.deleted == ["lost"], "and nobody else's"
    assert (given_up.blocks("gpu"), given_up.count("gpu")) == (False, 0)
    assert rows(database, "SELECT * FROM given_up") == []


async def test_one_that_cannot_be_withdrawn_fills_a_place_and_blocks_nothing(
    given_up: GivenUp, gpu: Backend, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devserver.queueing.given_up.WITHDRAWN_WITHIN_S", 0.0)
    client.answers = False
    changed = asyncio.Event()
    given_up.on_change = changed.set
    gpu.state = "up"
    given_up.note("gpu", "lost")
    async with asyncio.timeout(PATIENCE_S):
        await changed.wait()
    assert (given_up.blocks("gpu"), given_up.count("gpu")) == (False, 1)


async def test_the_next_server_knows_of_it(database: Database, given_up: GivenUp, gpu: Backend, client: Client) -> None:
    AtOnce(database, given_up).write("gpu", "lost")
    AtOnce(database, given_up).write("gpu", "lost")
    await given_up.load()
    changed = asyncio.Event()
    given_up.on_change = changed.set
    assert given_up.count("gpu") == 1
    gpu.state = "up"
    given_up.look()
    async with asyncio.timeout(PATIENCE_S):
        await changed.wait()
    assert client.pending == ["other"]
