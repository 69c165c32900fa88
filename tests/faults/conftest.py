from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devserver.media.intake import IntakePool
from tests.faults.rig import SharedIntake, Studio


@pytest.fixture(scope="session")
def intake() -> Iterator[IntakePool]:
    """The processes that decode and tag, started once."""
    shared = SharedIntake()
    yield shared
    if shared._workers is not None:
        shared._workers.close()


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return tmp_path / "exports"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[Studio]:
    """A backend without a fault; a test puts one in by its `kind`, and then starts it again."""
    async with Studio(tmp_path / "studio") as running:
        yield running
