from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.build import SHIPPED
from devserver.clock import Clock
from devserver.definitions import Definitions
from devserver.durable.database import Database, open_database
from devserver.durable.journal import Journal
from devserver.events import Bus
from devserver.store import Exports
from schemas.loader import load_tables


@pytest.fixture(scope="session")
def definitions() -> Definitions:
    return Definitions([SHIPPED], load_tables([SHIPPED]))


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    folder = Exports(tmp_path / "exports")
    folder.lock({"pid": 1})
    yield folder
    folder.unlock()


@pytest.fixture
def database(exports: Exports) -> Iterator[Database]:
    opened = open_database(exports.state / "journal.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def bus() -> Bus:
    return Bus(Clock())


@pytest.fixture
def journal(database: Database, bus: Bus) -> Journal:
    return Journal(database, Clock(), bus)
