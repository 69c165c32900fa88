"""A run again, from its record: every resolved value and every recorded text; only graphs are made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from devserver.durable.reading import Reading
from devserver.errors import InputError
from devserver.model.plan import MediaStage, Option, OutputPlan, Plan, StagePlan
from devserver.model.rows import RunRow, StageRow, TakeRow
from devserver.stages.kind import StageKind
from devserver.stages.planning import check_stages
from schemas.model import OUTPUT_CHUNK
from schemas.pipeline import Pipeline


def plan_again(
    reading: Reading, row: RunRow, kinds: Mapping[str, StageKind], *, run_id: str, user_id: str, created_at: str
) -> Plan:
    """Plan a rerun. A fallback that was used is used again: the compiled graph stays the same.

    Raises:
        InputError: the run's pipeline has stages that cannot be run.
    """
    plan = Plan.model_validate_json(row.plan)
    for pipeline in _pipelines(plan):
        check_stages(pipeline, kinds)
        _check_chunks(pipeline, plan)
    rows = reading.stages(row.run_id)
    ended = {r.stage: r.result for r in rows if isinstance(r, StageRow) and r.state == "success"}
    recorded = {
        stage.name: ended[stage.name]
        for stage in plan.stages
        if not isinstance(stage, MediaStage) and stage.name in ended
    }
    takes = [row for row in rows if isinstance(row, TakeRow)]
    used = {row.stage: row.result.option for row in takes if row.take == 1}
    steps = tuple(tuple(_again(stage, used.get(stage.name), takes) for stage in step) for step in plan.steps)
    update = {"run_id": run_id, "user_id": user_id, "created_at": created_at, "steps": steps}
    return plan.model_copy(update={**update, "recorded": recorded, "rerun_of": row.run_id})


def _pipelines(plan: Plan) -> Iterator[Pipeline]:
    """Yield the pipeline that the run went through, from its snapshot."""
    for entry in plan.definitions:
        if (entry.kind, entry.name) == ("pipeline", plan.pipeline):
            yield Pipeline.model_validate({**entry.content, "name": entry.name})


def _check_chunks(pipeline: Pipeline, plan: Plan) -> None:
    """Refuse a run of a version that ran the output config in the place of a stage's own chunk.

    Raises:
        InputError: with the stage.
    """
    chunks = {stage.name: stage.chunk for stage in pipeline.stages}
    for stage in plan.media:
        own = chunks.get(stage.name, OUTPUT_CHUNK)
        if stage.output.asked and own not in (OUTPUT_CHUNK, stage.output.config):
            raise InputError(
                "second_graph_stage",
                field="pipeline",
                value=pipeline.name,
                stage=stage.name,
                own=own,
                config=stage.output.config,
            )


def _again(stage: StagePlan, used: tuple[str, str] | None, takes: Sequence[TakeRow]) -> StagePlan:
    """Return a stage that is made by the same option, with the takes that were added while the run went on."""
    if not isinstance(stage, MediaStage):
        return stage
    options: tuple[Option, ...] = stage.output.options
    kept = tuple(option for option in options if option.key == used) or options
    added = [row for row in takes if row.stage == stage.name and row.take > len(options[0].takes)]
    if added:
        more = [(row.take, row.result.changes) for row in sorted(added, key=lambda row: row.take)]
        kept = tuple(
            option.model_copy(update={"takes": (*option.takes, *(option.values_of(*one) for one in more))})
            for option in kept
        )
    output: OutputPlan = stage.output.model_copy(update={"options": kept})
    return stage.model_copy(update={"output": output})
