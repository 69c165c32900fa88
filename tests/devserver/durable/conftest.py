from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where a new database may be made, of each kind: what is written once must be read by both."""
    if request.param == "sqlite":
        return tmp_path / "journal.sqlite"
    running: Postgres = request.getfixturevalue("postgres")
    return running.new_database()
