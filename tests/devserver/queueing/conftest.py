from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.queueing.deciding import Decider
from devserver.queueing.eta import Durations
from devserver.queueing.fleet import Fleet
from devserver.queueing.given_up import GivenUp
from devserver.queueing.tickets import Tickets
from devserver.system.clock import Clock
from tests.doubles.hand import Hand


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
async def pool(bus: Bus) -> AsyncIterator[Pool]:
    made = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    yield made
    await made.close()


@pytest.fixture
def fleet(database: Database, pool: Pool, clock: Hand) -> Fleet:
    return Fleet(Durations(clock), clock, lambda: pool.backends, GivenUp(database, lambda: pool.backends))


@pytest.fixture
def decider(fleet: Fleet, clock: Hand) -> Decider:
    return Decider(Tickets(clock), fleet)
