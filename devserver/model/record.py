"""The record of a run: what `metadata.json` holds, complete, and enough to run it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from devserver.model.entity import Entity
from devserver.model.events import Measurement, RunWarning
from devserver.model.failure import Failure
from devserver.model.kept import Kept
from devserver.model.plan import Applied, Option, OutputPlan, Plan, StagePlan
from devserver.model.results import AttemptResult, StageResult, TakeResult
from devserver.model.rows import AttemptRow, PartRow, RunRow, StageRow, TakeRow, seconds_between
from schemas.values import RecordedValue

VERSION: Final = 1
WAITING: Final = "waiting"


class ResolvedOutput(Kept):
    """The values of an output: defaulted, drawn, chosen."""

    stage: str = ""
    config: str = Field(description="the output config that was asked for")
    config_used: str | None = Field(None, description="the one that made it; another one where a fallback was used")
    variant: str | None = Field(None, description="the chunk that made it")
    preset: str | None = Field(None, description="the preset that was applied; null where none was")
    backend: str | None = None
    graph_sha256: str | None = Field(None, description="of the first take's compiled graph")
    brief: dict[str, object] | None = Field(None, description="the brief read from the text")
    applied: list[Applied] = Field([], description="the parameters that have their values from the words")
    values: list[dict[str, RecordedValue] | None] = Field([], description="the parameters' values, for each take")


class Resolved(Kept):
    """Everything that was defaulted, drawn or chosen for a run."""

    schema_: str = Field("", alias="schema", description="the interception config")
    pipeline: str = ""
    seed: int = 0
    safety_level: str = ""
    execution_mode: str = ""
    preset: str | None = None
    outputs: list[ResolvedOutput] = Field([], description="in the order in which they were asked for")


class DefinitionSource(Kept):
    """A definition that the run used, by the content of its file."""

    kind: str
    name: str
    file: str
    sha256: str


class TakeRecord(Kept):
    """One take of a stage."""

    take: int = Field(description="from 1")
    state: str
    started_at: str | None = None
    ended_at: str | None = None
    result: TakeResult = TakeResult()


class AttemptRecord(Kept):
    """One attempt of a take."""

    take: int = Field(description="from 1")
    attempt: int = Field(description="from 1")
    state: str
    backend: str | None = None
    prompt_id: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    result: AttemptResult = AttemptResult()


class StageRecord(Kept):
    """One stage with its takes and attempts; one that has not begun is `waiting`, and has only its name and kind."""

    name: str
    kind: str = Field("", description="the kind of stage: `text`, `graph`, or one of an installed package")
    state: str
    started_at: str | None = None
    ended_at: str | None = None
    seconds: float | None = Field(None, description="from its start to its end")
    result: StageResult = StageResult()
    takes: list[TakeRecord] = Field([], description="of a stage that makes media")
    attempts: list[AttemptRecord] = Field([], description="of all takes, in the order in which they began")


class Record(Kept):
    """One run as its record has it. Times are in UTC, ISO 8601."""

    version: int = VERSION
    run_id: str
    user_id: str
    status: str = Field(description="`queued`, `running`, `success`, `failed`, `blocked` or `cancelled`")
    title: str = ""
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    execution_time: float | None = Field(None, description="seconds from start to end; null while it goes on")
    rerun_of: str | None = Field(None, description="the run that this one repeats")
    request: dict[str, object] = Field({}, description="the body as it was sent")
    resolved: Resolved
    definitions: list[DefinitionSource] = Field([], description="every definition that was used")
    stages: list[StageRecord]
    entities: list[Entity] = Field(description="the files of the run, in the order of their numbers")
    measurements: list[Measurement] = Field([], description="measurements of the files")
    warnings: list[RunWarning] = Field([], description="warnings for the user")
    error: Failure | None = Field(None, description="why it did not succeed")

    def as_file(self) -> bytes:
        """Return the content of `metadata.json`: readable, as `devserver.files.exports.dump` writes JSON."""
        return (self.model_dump_json(indent=2, exclude_unset=True, by_alias=True) + "\n").encode()


def build_record(
    run: RunRow,
    plan: Plan,
    parts: Sequence[PartRow],
    *,
    entities: Sequence[Entity],
    measurements: Sequence[Measurement],
    warnings: Sequence[RunWarning],
) -> Record:
    """Return the record of a run from what the journal has of it."""
    return Record(
        version=VERSION,
        run_id=run.run_id,
        user_id=run.user_id,
        status=run.state,
        title=run.title,
        created_at=run.created_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        execution_time=seconds_between(run.started_at, run.ended_at),
        rerun_of=plan.rerun_of,
        request=plan.request,
        resolved=_resolved(plan, parts),
        definitions=[
            DefinitionSource(kind=one.kind, name=one.name, file=one.file, sha256=one.sha256) for one in plan.definitions
        ],
        stages=[_stage(stage, parts) for stage in plan.stages],
        entities=list(entities),
        measurements=list(measurements),
        warnings=list(warnings),
        error=run.error,
    )


def option_of(output: OutputPlan, result: TakeResult) -> Option:
    """Return the option that a take was made with; the first one where none was decided on."""
    return next((option for option in output.options if option.key == result.option), output.options[0])


def _resolved(plan: Plan, parts: Sequence[PartRow]) -> Resolved:
    return Resolved(
        schema_=plan.schema_,
        pipeline=plan.pipeline,
        seed=plan.seed,
        safety_level=plan.safety_level,
        execution_mode=plan.execution_mode,
        preset=plan.preset,
        outputs=[_output(stage.name, stage.output, parts) for stage in plan.media],
    )


def _output(stage: str, output: OutputPlan, parts: Sequence[PartRow]) -> ResolvedOutput:
    takes = [row.result for row in parts if isinstance(row, TakeRow) and row.stage == stage]
    first = takes[0] if takes else TakeResult()
    return ResolvedOutput(
        stage=stage,
        config=output.config,
        config_used=first.config_used,
        variant=first.variant,
        preset=first.preset,
        backend=first.backend,
        graph_sha256=first.graph_sha256,
        brief=output.brief,
        applied=list(option_of(output, first).brief),
        values=[take.values for take in takes] or list(output.options[0].takes),
    )


def _stage(stage: StagePlan, parts: Sequence[PartRow]) -> StageRecord:
    own = [row for row in parts if row.stage == stage.name]
    main = next((row for row in own if isinstance(row, StageRow)), None)
    if main is None:
        return StageRecord(name=stage.name, kind=stage.kind, state=WAITING)
    told = StageRecord(
        name=stage.name,
        kind=stage.kind,
        state=main.state,
        started_at=main.started_at,
        ended_at=main.ended_at,
        seconds=seconds_between(main.started_at, main.ended_at),
        result=main.result,
    )
    takes = [_take(row) for row in own if isinstance(row, TakeRow)]
    attempts = [_attempt(row) for row in own if isinstance(row, AttemptRow)]
    made = {name: rows for name, rows in (("takes", takes), ("attempts", attempts)) if rows}
    return told.model_copy(update=made)


def _take(row: TakeRow) -> TakeRecord:
    return TakeRecord(
        take=row.take, state=row.state, started_at=row.started_at, ended_at=row.ended_at, result=row.result
    )


def _attempt(row: AttemptRow) -> AttemptRecord:
    return AttemptRecord(
        take=row.take,
        attempt=row.attempt,
        state=row.state,
        backend=row.backend,
        prompt_id=row.prompt_id,
        started_at=row.started_at,
        ended_at=row.ended_at,
        result=row.result,
    )
