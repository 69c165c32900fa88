"""The same parts as in tests/devserver, over PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.opening import open_database
from devserver.durable.wire import Wire
from devserver.system.clock import Clock
from tests.devserver.conftest import bus, definitions, exports
from tests.doubles.at_once import JournalAtOnce
from tests.doubles.postgres import Postgres

__all__ = ["bus", "database", "definitions", "exports", "journal", "url"]


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
async def journal(database: Database, bus: Bus) -> AsyncIterator[JournalAtOnce]:
    made = JournalAtOnce(database, Clock(), bus, "a")
    wire = Wire(database, made.journal, bus)
    await wire.start()
    yield made
    await wire.stop()
