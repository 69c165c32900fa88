"""Plans and runs for tests that need one."""

from __future__ import annotations

from typing import Any

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.durable.journal import Journal
from devserver.durable.writing import NewRun
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import Plan
from devserver.model.rows import Place
from devserver.stages.kinds import KINDS
from devserver.stages.planning import make_plan, parse_request
from tests.doubles.at_once import JournalAtOnce

RUN_ID = "20240131-235959-1f2e3d4c"
AT = "2024-01-31T23:59:59.000Z"


def plan(definitions: Definitions, exports: Exports, database: Database, run_id: str = RUN_ID, **body: Any) -> Plan:
    """The plan of a request; `input_text` is "x" and nothing is checked for safety unless it is said."""
    asked = {"input_text": "x", "safety_level": "off", **body}
    files = InputFiles(exports, database)
    request = parse_request(asked)
    return make_plan(request, asked, definitions.catalog, files, KINDS, run_id=run_id, user_id="local", created_at=AT)


def add_run(journal: JournalAtOnce, run_id: str = RUN_ID, created_at: str = AT) -> Place:
    """A run in the journal, begun; the place that its walk writes at."""
    journal.add_run(
        run_id, user_id="local", title="x", schema="plain", output_config="o", plan="{}", created_at=created_at
    )
    return Place(run_id, journal.begin_run(run_id).generation)


async def add_a_run(journal: Journal, run_id: str = RUN_ID, created_at: str = AT) -> Place:
    """As `add_run`, without blocking the loop."""
    new = NewRun(
        run_id, user_id="local", title="x", schema="plain", output_config="o", plan="{}", created_at=created_at
    )
    await journal.add_run(new)
    return Place(run_id, (await journal.begin_run(run_id)).generation)
