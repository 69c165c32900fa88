from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.build import SHIPPED
from devserver.app import App
from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.opening import open_database
from devserver.files.exports import Exports
from devserver.runs import record
from devserver.stages.walk import Walk
from devserver.system.clock import Clock
from schemas.loader import load_tables
from tests.devserver.plans import plan
from tests.devserver.walked import FIRST, LAST, Walked
from tests.doubles.at_once import JournalAtOnce


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
def journal(database: Database, bus: Bus) -> JournalAtOnce:
    return JournalAtOnce(database, Clock(), bus)


@pytest.fixture
def app(exports: Exports, definitions: Definitions) -> Iterator[App]:
    """A server that is not started."""
    made = App(exports=exports, definitions=definitions, addresses=[], embedded=False)
    yield made
    made.database.close()


@pytest.fixture
async def walk(app: App, exports: Exports, definitions: Definitions) -> Walk:
    """A walk that has begun a run of one graph stage, `generation`."""
    made = plan(definitions, exports, app.database, output_config="silence_mp3")
    await app.journal.add_run(record.prepare(exports, made))
    return Walk(await app.journal.begin_run(made.run_id), made, app.tools, asyncio.Event())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, for this process and the servers that it starts."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.fixture
async def walked(app: App, exports: Exports, definitions: Definitions) -> Walked:
    made = plan(definitions, exports, app.database, pipeline="text_only", safety_level="kids")
    steps = tuple(step for step in made.steps if step[0].name in (FIRST, LAST))
    made = made.model_copy(update={"steps": steps})
    await app.journal.add_run(record.prepare(exports, made))
    return Walked(app)
