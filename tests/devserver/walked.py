"""A run of two text stages that do what a test says, and the walking of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from devserver.app import App
from devserver.model.plan import StagePlan
from devserver.model.results import StageResult
from devserver.model.rows import RunRow
from devserver.run import walk_run
from devserver.stages.inputs import Inputs
from devserver.stages.kind import Planning, StageKind, Step
from devserver.stages.walk import Walk
from schemas.pipeline import Stage
from schemas.pipeline_rules import TextRules
from tests.devserver.plans import RUN_ID
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


def failing(error: BaseException) -> Work:
    async def fail(_walk: Walk) -> StageResult:
        raise error

    return fail
