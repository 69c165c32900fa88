"""What `execute` answers, and what the run routes tell, from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any, Final

from devserver import record
from devserver.durable.journal import Journal
from devserver.durable.search import RunLine
from devserver.plan import Plan, StagePlan, read_plan
from devserver.runs.entity import Entity
from devserver.runs.results import TakeResult
from devserver.runs.rows import AttemptRow, PartRow, RunRow, StageRow, TakeRow

STATUS: Final = {"success": 200, "blocked": 403, "cancelled": 409, "failed": 500}


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the body that goes with it."""

    status: int
    body: dict[str, Any]

    @property
    def ended(self) -> bool:
        return self.status != HTTPStatus.ACCEPTED


def links(run_id: str) -> dict[str, str]:
    """Where to look at a run."""
    base = f"/api/runs/{run_id}"
    return {
        "run": base,
        "answer": f"{base}/answer",
        "events": f"{base}/events",
        "cancel": f"{base}/cancel",
        "rerun": f"{base}/rerun",
    }


def answer(journal: Journal, row: RunRow) -> Answer:
    """The answer of `execute` for a run: 202 with links while it is not finished."""
    if not row.ended:
        started = {"status": row.state, "run_id": row.run_id, "schema": row.schema, "links": links(row.run_id)}
        return Answer(202, started)
    plan = read_plan(row.plan)
    rows = journal.stages(row.run_id)
    entities = record.entities(journal, row.run_id)
    outputs = _outputs(row, plan, rows, entities)
    body = {
        "status": row.state,
        "run_id": row.run_id,
        "schema": row.schema,
        "config_name": plan.interception.label.en,
        "input_text": plan.input_text,
        "final_output": _final_text(plan, rows),
        "steps_completed": sum(1 for r in rows if isinstance(r, StageRow) and r.state == "success"),
        "execution_time": record.seconds_between(row.started_at, row.ended_at),
        "metadata": _metadata(row, plan, rows),
        "brief": next((output.brief for output in plan.outputs), None),
        "media_output": outputs[0] if outputs else None,
        "media_outputs": outputs,
        "warnings": record.warnings(journal, row.run_id),
        "links": links(row.run_id),
        **({"error": row.error.as_problem().as_json()} if row.error else {}),
    }
    status = row.error.status if row.error and "status" in row.error.model_fields_set else STATUS[row.state]
    return Answer(status, body)


def detail(journal: Journal, row: RunRow) -> dict[str, Any]:
    """One run for a page: the record as it stands, with links and URLs."""
    told = record.build(journal, row)
    return {**told, "links": links(row.run_id), "media": _media_urls(row.run_id, record.entities(journal, row.run_id))}


def summaries(journal: Journal, lines: Sequence[RunLine]) -> list[dict[str, Any]]:
    """Runs in a list; their files are read together."""
    files = record.entities_of(journal, [line.run_id for line in lines])
    return [_summary(line, files.get(line.run_id, [])) for line in lines]


def _summary(row: RunLine, entities: list[Entity]) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "status": row.state,
        "title": row.title,
        "schema": row.schema,
        "output_config": row.output_config,
        "created_at": row.created_at,
        "execution_time": record.seconds_between(row.started_at, row.ended_at),
        "error": row.error.as_json() if row.error else None,
        "media": _media_urls(row.run_id, entities),
        "links": links(row.run_id),
    }


def _final_text(plan: Plan, rows: Sequence[PartRow]) -> str:
    text = plan.input_text
    for stage in plan.stages:
        main = next((row for row in rows if isinstance(row, StageRow) and row.stage == stage.name), None)
        text = main.result.text if main and main.result.text is not None else text
    return text


def _metadata(row: RunRow, plan: Plan, rows: Sequence[PartRow]) -> dict[str, Any]:
    stages = [
        {"name": stage.name, "state": main.state if main else "waiting"}
        for stage in plan.stages
        for main in [next((r for r in rows if isinstance(r, StageRow) and r.stage == stage.name), None)]
    ]
    return {
        "pipeline": plan.pipeline,
        "total_steps": len(plan.stages),
        "stages": stages,
        "seed": plan.seed,
        "safety_level": plan.safety_level,
        "execution_mode": plan.execution_mode,
        "created_at": row.created_at,
        "rerun_of": plan.rerun_of,
    }


def _outputs(row: RunRow, plan: Plan, rows: Sequence[PartRow], entities: list[Entity]) -> list[dict[str, Any]]:
    """One entry per output config and take, in the order in which they were asked for."""
    listed: list[dict[str, Any]] = []
    for stage in plan.stages:
        if stage.output is None or stage.source:
            continue
        takes = range(1, len(stage.output.options[0].takes) + 1)
        others = {other.name for other in plan.stages if other.source == stage.name}
        for take in takes:
            formats = [e for e in entities if e.stage in others and e.take == take]
            told = [_format(row.run_id, entity, entities) for entity in formats]
            listed.append({**_output(row, stage, take, rows, entities), "formats": told})
    return listed


def _format(run_id: str, entity: Entity, entities: list[Entity]) -> dict[str, Any]:
    """A further form of an output's file."""
    shown = {"filename": entity.filename, "mime": entity.mime, "bytes": entity.bytes}
    return {"format": PurePosixPath(entity.filename).suffix[1:], "url": _url(run_id, entity, entities), **shown}


def _output(
    row: RunRow, stage: StagePlan, take: int, rows: Sequence[PartRow], entities: list[Entity]
) -> dict[str, Any]:
    if stage.output is None:
        raise TypeError(f"{stage.name} makes no media")
    rows = [row for row in rows if (row.stage, row.take) == (stage.name, take)]
    own = next((row for row in rows if isinstance(row, TakeRow)), None)
    attempts = [row for row in rows if isinstance(row, AttemptRow)]
    result = own.result if own else TakeResult()
    used = next((o for o in stage.output.options if o.key == result.option), stage.output.options[0])
    first = used.chunk.main or used.chunk.outputs[0]
    roles = {"main", "take", first.role}
    made = [e for e in entities if (e.stage, e.take) == (stage.name, take) and e.role in roles]
    main = made[0] if made else None
    models = attempts[-1].result.models if attempts else {}
    values = result.values or used.takes[take - 1]
    state = own.state if own and own.state != "running" else ("success" if main else row.state)
    return {
        "config": stage.output.config,
        "config_used": result.config_used,
        "variant": result.variant,
        "preset": result.preset,
        "take": take,
        "status": state,
        "run_id": row.run_id,
        "url": _url(row.run_id, main, entities) if main else None,
        "media_type": main.media if main else first.media,
        "media_stored": main is not None,
        "execution_time": record.seconds_between(own.started_at, own.ended_at) if own else None,
        "metadata": {
            "prompt_id": attempts[-1].prompt_id if attempts else None,
            "backend": attempts[-1].backend if attempts else None,
            "attempts": len(attempts),
            "model": next((models.get(f"{m.node}.{m.input}", m.file) for m in used.chunk.models), None),
            "seed": next((values[name] for name in used.chunk.seeds if name in values), None),
            "parameters": values,
            "brief": [one.model_dump() for one in used.brief],
            "graph_sha256": result.graph_sha256,
            **({"filename": main.filename, "facts": main.facts.as_json() if main.facts else {}} if main else {}),
        },
    }


def _url(run_id: str, entity: Entity, entities: list[Entity]) -> str:
    """The address of an entity: without an index where it is what the bare address serves."""
    same = [other.filename for other in entities if other.media == entity.media]
    first_main = next((o for o in entities if o.media == entity.media and o.role == "main"), None)
    bare = f"/api/media/{entity.media}/{run_id}"
    if entity.filename == (first_main.filename if first_main else same[0]):
        return bare
    return f"{bare}/{same.index(entity.filename)}"


def _media_urls(run_id: str, entities: list[Entity]) -> list[dict[str, Any]]:
    shown = {"media", "role", "name", "take", "filename", "mime", "bytes"}
    return [
        {**entity.model_dump(include=shown), "url": _url(run_id, entity, entities)}
        for entity in entities
        if entity.media != "file"
    ]
