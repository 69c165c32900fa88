from __future__ import annotations

from collections.abc import Iterator

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.playback.stream import Streams
from tests.devserver.plans import plan
from tests.devserver.playback.sounding import Run
from tests.doubles.at_once import JournalAtOnce


@pytest.fixture
def run(journal: JournalAtOnce, exports: Exports, database: Database, definitions: Definitions) -> Run:
    return Run(journal, exports, plan(definitions, exports, database).model_dump_json(by_alias=True))


@pytest.fixture
def streams(journal: JournalAtOnce, bus: Bus, exports: Exports) -> Iterator[Streams]:
    made = Streams(journal.journal, bus, exports)
    yield made
    made.close()
