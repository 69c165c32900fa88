"""The AI4ArtsEd server's routes that scripts call, as thin doors onto our own: its names outside, our runs inside."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any, Final, cast

from aiohttp import web

from devserver.definitions.current import Definitions
from devserver.durable.idempotency import Accepted
from devserver.model.answer import RunAnswer, RunDetail
from devserver.model.record import WAITING, ResolvedOutput, StageRecord
from devserver.model.request import ExecuteRequest
from devserver.runs.answer import Answer
from devserver.runs.runs import Runs
from devserver.stages.planning import parse_request
from my_app.door.visitors import Visitor
from my_app.following.starts import Starts, read_wish
from my_app.routes.predecessor_models import (
    LEVELS,
    ConfigMeta,
    ConfigMetadata,
    ConfigsMetadata,
    EntityMetadata,
    Generated,
    GenerationRequest,
    InterceptionRequest,
    MediaInfo,
    MediaPreferences,
    NumberedEntity,
    PipelineEntities,
    PipelineState,
    PipelineStatus,
    RunMediaInfo,
    Taken,
)
from my_app.views.route import Route, RunId
from my_app.views.shapes import RUN_FAILURES, RUN_STATUSES, State
from my_app.views.signature import Headers, Reply
from my_app.views.threads import wait_for
from schemas.catalog import Catalog
from schemas.describe import describe_interception, describe_output

TEXT_PIPELINE: Final = "text_only"
UNCHANGED: Final = "plain"


async def interception(
    *,
    request: web.Request,
    runs: Runs,
    starts: Starts,
    visitor: Visitor,
    headers: Headers,
    body: InterceptionRequest,
) -> Annotated[web.StreamResponse, RunAnswer]:
    """Transform a text without making media; the answer's `final_output` is the text.

    Each field that the predecessor had and that does nothing here says so.
    """
    asked = {**body.as_ours(), "pipeline": TEXT_PIPELINE}
    if "safety_level" in asked:
        asked["safety_level"] = LEVELS.get(str(asked["safety_level"]), asked["safety_level"])
    with body.own_names():
        ours = parse_request(asked)
    accept = partial(_accept, runs, body, ours, asked, visitor=visitor, headers=headers)
    return await starts.answer(request, accept, read_wish(ours, headers))


async def generation(
    *,
    request: web.Request,
    runs: Runs,
    starts: Starts,
    visitor: Visitor,
    headers: Headers,
    body: GenerationRequest,
) -> Annotated[web.StreamResponse, Generated]:
    """Make media from a prompt; the text is checked, but not transformed.

    Each field that the predecessor had and that does nothing here says so.
    """
    said = body.as_ours()
    params = {name.removeprefix("params."): said.pop(name) for name in list(said) if name.startswith("params.")}
    asked = {**said, "schema": UNCHANGED, "params": params}
    with body.own_names():
        ours = parse_request(asked)
    accept = partial(_accept, runs, body, ours, asked, visitor=visitor, headers=headers)
    return await starts.answer(request, accept, read_wish(ours, headers), as_generated)


async def _accept(
    runs: Runs, body: Taken, ours: ExecuteRequest, asked: dict[str, Any], *, visitor: Visitor, headers: Headers
) -> Accepted:
    with body.own_names():
        return await runs.accept(ours, asked, visitor.user_id, headers)


def generated(runs: Runs, run_id: RunId) -> Reply[Generated]:
    """Answer as `generation` does for this run, now."""
    found = as_generated(wait_for(runs.answer(run_id)))
    return Reply(Generated.model_validate(found.body), found.status)


def as_generated(answer: Answer) -> Answer:
    """Return an answer as `generation` gives it."""
    body = answer.body
    made = body.get("media_output")
    if made is None:
        return answer
    index = str(made["url"] or "").removeprefix(f"/api/media/{made['media_type']}/{body['run_id']}").strip("/")
    described = {
        **{name: body[name] for name in ("status", "run_id", "warnings", "links", "error") if name in body},
        "media_output": {**made, "index": int(index or 0), "seed": made["metadata"].get("seed")},
        "duration_ms": round((body["execution_time"] or 0) * 1000),
        "loras": [],
        "was_translated": body["final_output"] != body["input_text"],
    }
    return Answer(answer.status, described)


def status(runs: Runs, definitions: Definitions, run_id: RunId) -> PipelineStatus:
    """Return the progress of a run, for polling scripts."""
    detail = wait_for(runs.detail(run_id))
    resolved, stages = detail.resolved, detail.stages
    done = [stage for stage in stages if stage.state in ("success", "skipped")]
    others = [stage for stage in stages if stage.state not in ("success", "skipped", WAITING)]
    at = (others or done[-1:] or stages)[0]
    return PipelineStatus(
        run_id=run_id,
        status=cast(State, detail.status),
        timestamp=detail.created_at,
        config_name=resolved.schema_,
        execution_mode=resolved.execution_mode,
        safety_level=resolved.safety_level,
        user_id=detail.user_id,
        device_id=None,
        expected_outputs=_expected(definitions.catalog, resolved.outputs),
        current_state=PipelineState(stage=at.name, step=at.state, progress=f"{len(done)}/{len(stages)}"),
        entities=_entities(detail),
        models_used=_models(stages),
    )


def entities(runs: Runs, run_id: RunId) -> PipelineEntities:
    """List the files of a run, numbered."""
    listed = _entities(wait_for(runs.detail(run_id)))
    return PipelineEntities(run_id=run_id, entity_count=len(listed), entities=listed)


def media_info(runs: Runs, run_id: RunId) -> RunMediaInfo:
    """List the media of a run, with their addresses."""
    detail = wait_for(runs.detail(run_id))
    media = [MediaInfo(type=made.media, **dict(made)) for made in detail.media]
    return RunMediaInfo(run_id=run_id, status=cast(State, detail.status), media_count=len(media), media=media)


def configs_metadata(definitions: Definitions, runs: Runs, visitor: Visitor) -> ConfigsMetadata:
    """List all interceptions and outputs."""
    catalog, rights = definitions.catalog, runs.rights(visitor.user_id)
    ways = [_about_interception(catalog, name) for name in catalog.interceptions]
    outputs = [_about_output(catalog, name) for name in catalog.outputs if rights.allows(name)]
    return ConfigsMetadata(configs=[*ways, *outputs])


def _about_interception(catalog: Catalog, name: str) -> ConfigMetadata:
    described = describe_interception(catalog, name)
    return ConfigMetadata(
        id=name,
        name=described.label,
        description=described.description,
        pipeline=TEXT_PIPELINE,
        meta=ConfigMeta(stage="interception"),
    )


def _about_output(catalog: Catalog, name: str) -> ConfigMetadata:
    described = describe_output(catalog, name)
    return ConfigMetadata(
        id=name,
        name=described.label,
        description=described.description,
        pipeline=described.pipeline,
        media_preferences=MediaPreferences(default_output=described.media),
        parameters={parameter.name: parameter.default for parameter in described.parameters},
        meta=ConfigMeta(
            stage="output",
            model=next((model.file for model in described.models), None),
            gpu_vram_mb=described.hints.vram_mb,
            estimated_duration_seconds=described.hints.seconds,
        ),
    )


def _entities(detail: RunDetail) -> list[NumberedEntity]:
    shown = {*EntityMetadata.model_fields}
    return [
        NumberedEntity(
            sequence=entity.number,
            type=entity.type,
            filename=entity.filename,
            metadata=EntityMetadata.model_validate(entity.model_dump(include=shown, exclude_unset=True)),
        )
        for entity in detail.entities
    ]


def _expected(catalog: Catalog, outputs: Iterable[ResolvedOutput]) -> list[str]:
    names = [output.config for output in outputs if output.config in catalog.outputs]
    return [f"output_{describe_output(catalog, name).media}" for name in names]


def _models(stages: Iterable[StageRecord]) -> dict[str, list[str]]:
    """Return the model files that each stage's last attempt was given."""
    last = {stage.name: stage.attempts[-1] for stage in stages if stage.attempts}
    return {name: sorted(set(attempt.result.models.values())) for name, attempt in last.items()}


TAG: Final = "predecessor"
START: Final[dict[str, Any]] = {"failures": RUN_FAILURES, "missing_status": 400}
ROUTES: Final = (
    Route("POST", "/api/schema/pipeline/interception", interception, TAG, (*RUN_STATUSES, 404), **START),
    Route("POST", "/api/schema/pipeline/generation", generation, TAG, (*RUN_STATUSES, 404), **START),
    Route("GET", "/api/pipeline/{run_id}/generation", generated, TAG, RUN_STATUSES, failures=RUN_FAILURES),
    Route("GET", "/api/pipeline/{run_id}/status", status, TAG),
    Route("GET", "/api/pipeline/{run_id}/entities", entities, TAG),
    Route("GET", "/api/media/info/{run_id}", media_info, TAG),
    Route("GET", "/pipeline_configs_metadata", configs_metadata, TAG),
)
