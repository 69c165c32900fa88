"""The same parts as in tests/devserver, over PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from devserver.database import Database, open_database
from tests.devserver.conftest import bus, definitions, exports, journal
from tests.doubles.postgres import Postgres

__all__ = ["bus", "database", "definitions", "exports", "journal"]


@pytest.fixture
def database(postgres: Postgres) -> Iterator[Database]:
    opened = open_database(postgres.new_database())
    yield opened
    opened.close()
