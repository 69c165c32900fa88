"""One walk of a run, whose stages do what the test says."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

from devserver.app import App
from devserver.definitions.current import Definitions
from devserver.errors import Blocked, StageError
from devserver.files.exports import RECORD, Exports
from devserver.model.plan import StagePlan
from devserver.model.results import StageResult
from devserver.model.rows import Place, RunRow
from devserver.run import walk_run
from devserver.runs import record
from devserver.stages import running
from devserver.stages.inputs import Inputs
from devserver.stages.kind import Planning, StageKind, Step
from devserver.stages.running import STOPS_ALLOWED
from devserver.stages.walk import Walk
from schemas.pipeline import Stage
from schemas.pipeline_rules import TextRules
from tests.devserver.plans import RUN_ID, plan
from tests.doubles.at_once import execute
from tests.patience import PATIENCE_S

Work = Callable[[Walk], Awaitable[StageResult]]
FIRST, LAST = "safety_input", "interception"


class Scripted(TextRules, StageKind):
    """Stages by their names; one without a script adds its name to the text."""

    name = "text"

    def __init__(self) -> None:
        self.scripts, self.ran = dict[str, Work](), list[str]()

    def plan(self, stage: Stage, planning: Planning) -> Iterator[Step]:
        raise NotImplementedError

    async def run(self, walk: Walk, stage: StagePlan, inputs: Inputs) -> StageResult:
        del inputs
        self.ran.append(stage.name)
        if stage.name in self.scripts:
            return await self.scripts[stage.name](walk)
        return StageResult(text=f"{walk.text} {stage.name}")


class Walked:
    """An accepted run of two text stages, and the walking of it."""

    def __init__(self, app: App) -> None:
        self.app, self.kind, self.cancelled = app, Scripted(), asyncio.Event()
        self.kinds: dict[str, StageKind] = {"text": self.kind}

    async def walk(self) -> RunRow:
        async with asyncio.timeout(PATIENCE_S):
            await walk_run(RUN_ID, self.app.tools, self.kinds, self.cancelled)
        row = await self.app.journal.run(RUN_ID)
        assert row is not None
        return row

    def script(self, name: str, work: Work) -> None:
        self.kind.scripts[name] = work

    async def codes(self) -> list[str]:
        warnings = await self.app.journal.read(lambda reading: reading.warnings(RUN_ID))
        return [one.code for one in warnings]


@pytest.fixture
async def run(app: App, exports: Exports, definitions: Definitions) -> Walked:
    made = plan(definitions, exports, app.database, pipeline="text_only", safety_level="kids")
    steps = tuple(step for step in made.steps if step[0].name in (FIRST, LAST))
    made = made.model_copy(update={"steps": steps})
    await app.journal.add_run(record.prepare(exports, made))
    return Walked(app)


def failing(error: BaseException) -> Work:
    async def fail(_walk: Walk) -> StageResult:
        raise error

    return fail


async def test_each_stage_reads_what_the_one_before_it_made_and_the_record_is_final(run: Walked) -> None:
    row = await run.walk()
    assert (row.state, row.error, run.kind.ran) == ("success", None, [FIRST, LAST])
    told = json.loads(run.app.exports.file(RUN_ID, RECORD).read_bytes())
    assert told["status"] == "success"
    assert [stage["result"]["text"] for stage in told["stages"]] == [f"x {FIRST}", f"x {FIRST} {LAST}"]


async def test_after_a_stop_a_walk_goes_on_with_the_stage_that_had_not_ended(run: Walked) -> None:
    begun = asyncio.Event()

    async def hang(walk: Walk) -> StageResult:
        await walk.ledger.flush()
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    run.script(LAST, hang)
    stopped = asyncio.create_task(run.walk())
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    stopped.cancel()
    await asyncio.wait({stopped})
    assert not await run.app.journal.has_ended(RUN_ID)
    run.kind.scripts.clear()
    assert (await run.walk()).state == "success"
    assert run.kind.ran == [FIRST, LAST, LAST]
    assert (await run.walk()).generation == 2, "an ended run is not walked"


NOT_TOLD: Final = StageError("no", code="node_failed", status=502, hint="look")


@pytest.mark.parametrize(
    ("error", "state", "code", "status"),
    [
        (NOT_TOLD, "failed", "node_failed", 502),
        (Blocked("no", rule="r", category="c", hint=""), "blocked", "blocked", 403),
        (ZeroDivisionError("ours"), "failed", "internal", 500),
    ],
)
async def test_a_run_ends_as_its_stage_does_and_says_where(
    run: Walked, error: Exception, state: str, code: str, status: int
) -> None:
    run.script(FIRST, failing(error))
    row = await run.walk()
    assert row.error is not None
    assert (row.state, row.error.code, row.error.status, run.kind.ran) == (state, code, status, [FIRST])
    assert row.error.stage == ("" if code == "internal" else FIRST)


async def test_a_cancelled_run_ends_its_stage_first(run: Walked) -> None:
    ended: list[str] = []

    async def work(_walk: Walk) -> StageResult:
        run.cancelled.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stage")
        raise AssertionError

    run.script(FIRST, work)
    row = await run.walk()
    assert (row.state, row.error and row.error.status, ended) == ("cancelled", 409, ["stage"])
    stage = await run.app.journal.stage(Place(RUN_ID, 1, FIRST))
    assert stage is not None
    assert stage.state == "cancelled"


async def test_a_run_that_was_cancelled_before_its_walk_runs_no_stage(run: Walked) -> None:
    await run.app.journal.write(lambda writing: writing.ask_cancel(RUN_ID))
    assert (await run.walk()).state == "cancelled"
    assert run.kind.ran == []


async def test_what_took_the_server_down_again_and_again_is_not_tried_once_more(run: Walked) -> None:
    row = await run.app.journal.begin_run(RUN_ID)
    await run.app.journal.write(lambda writing: writing.begin_stage(Place(RUN_ID, row.generation, FIRST)))
    execute(run.app.database, "UPDATE stages SET stops = $1", STOPS_ALLOWED)
    row = await run.walk()
    assert (row.state, row.error and row.error.code, run.kind.ran) == ("failed", "stopped_the_server", [])


async def test_a_stage_whose_kind_is_gone_ends_the_run_in_words(run: Walked) -> None:
    run.kinds.clear()
    assert ((await run.walk()).error or NOT_TOLD).code == "kind_missing"


async def test_a_walk_that_has_lost_its_run_ends_nothing(run: Walked) -> None:
    async def lose(walk: Walk) -> StageResult:
        await walk.tools.journal.begin_run(RUN_ID)
        return StageResult(text="stale")

    run.script(FIRST, lose)
    row = await run.walk()
    assert (row.state, row.generation) == ("running", 2)
    assert await run.app.journal.stage(Place(RUN_ID, 2, LAST)) is None


async def test_a_full_disk_is_waited_for_and_the_stage_run_again(run: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "ROOM_PAUSE_S", 0)
    tries: list[int] = []

    async def work(_walk: Walk) -> StageResult:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "no space left", "07.mp3")
        return StageResult(text="y")

    run.script(FIRST, work)
    assert (await run.walk()).state == "success"
    assert (len(tries), await run.codes()) == (3, ["exports_full"])


async def test_the_results_of_a_run_again_are_taken_over_without_running_their_stages(
    app: App, exports: Exports, definitions: Definitions
) -> None:
    made = plan(definitions, exports, app.database, pipeline="text_only")
    kept: dict[str, Any] = {"recorded": {LAST: StageResult(text="as the first time")}}
    made = made.model_copy(update=kept)
    await app.journal.add_run(record.prepare(exports, made))
    run = Walked(app)
    assert (await run.walk()).state == "success"
    assert LAST not in run.kind.ran
    stage = await app.journal.stage(Place(RUN_ID, 1, LAST))
    assert stage is not None
    assert stage.result.as_json() == {"text": "as the first time"}
