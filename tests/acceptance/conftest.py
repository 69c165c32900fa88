from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.programs import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server as it comes: no configuration, its embedded backend alone."""
    with Server(tmp_path_factory.mktemp("exports")) as running:
        yield running


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    return tmp_path / "exports"
