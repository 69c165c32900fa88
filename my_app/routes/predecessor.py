"""The AI4ArtsEd server's routes that scripts call, as thin doors onto our own: its names outside, our runs inside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Annotated, Any, ClassVar, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from devserver.definitions.current import Definitions
from devserver.durable.idempotency import Accepted
from devserver.errors import InputError, unknown_run
from devserver.model.answer import Links, MediaOutput, RunAnswer
from devserver.model.events import RunWarning
from devserver.model.request import ExecuteRequest
from devserver.runs.answer import Answer
from devserver.runs.runs import Runs
from devserver.stages.planning import parse_request
from my_app.door.visitors import Visitor
from my_app.following.starts import Starts, read_wish
from my_app.views.route import Route, RunId
from my_app.views.shapes import RUN_FAILURES, RUN_STATUSES, Count, Shown, State
from my_app.views.signature import Headers, JsonObject, Reply
from my_app.views.threads import wait_for
from schemas.catalog import Catalog
from schemas.describe import describe_interception, describe_output

TEXT_PIPELINE: Final = "text_only"
UNCHANGED: Final = "plain"
LEVELS: Final = {"research": "off"}  # its name for a server that checks nothing
PARAMETERS: Final = ("width", "height", "steps", "cfg", "negative_prompt", "sampler_name", "scheduler", "denoise")
IDLE: Final = "without effect"
Idle = Annotated[Any, Field(description=IDLE), IDLE]  # what it had and nothing here needs


class Taken(BaseModel):
    """A request of the predecessor; null counts as not said, as it did there. What a value may be, `execute` says.

    `NAMES` has our names of its fields where they differ; `params.` leads to a parameter of the output.
    """

    model_config = ConfigDict(extra="forbid")

    NAMES: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in body.items() if value is not None}

    def as_ours(self) -> dict[str, Any]:
        """Return what the request says, under our names."""
        fields = type(self).model_fields
        said = self.model_dump(exclude_unset=True, by_alias=True)
        idle = {about.alias or name for name, about in fields.items() if IDLE in about.metadata}
        return {self.NAMES.get(name, name): value for name, value in said.items() if name not in idle}

    @contextmanager
    def own_names(self) -> Iterator[None]:
        """Name the field that the client knows where a request is refused."""
        try:
            yield
        except InputError as error:
            error.field = next((theirs for theirs, ours in self.NAMES.items() if ours == error.field), error.field)
            if error.field == "safety_level":
                error.value = next((theirs for theirs, ours in LEVELS.items() if ours == error.value), error.value)
            raise


class InterceptionRequest(Taken):
    """The body of `POST /api/schema/pipeline/interception`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"schema": "haiku", "input_text": "The rain falls on the old harbour, slow and grey."}]
        }
    )

    schema_: Any = Field(alias="schema")
    input_text: Any
    seed: Any = None
    safety_level: Any = None
    execution_mode: Any = None
    enable_streaming: Any = None
    output_config: Idle = None
    user_language: Idle = None
    context_prompt: Idle = None
    context_language: Idle = None
    user_input: Idle = None
    stage4_only: Idle = None
    timestamp: Idle = None
    interception_result: Idle = None
    optimization_result: Idle = None
    input_image: Idle = None
    input_image1: Idle = None
    input_image2: Idle = None
    input_image3: Idle = None
    alpha_factor: Idle = None
    custom_placeholders: Idle = None
    device_id: Idle = None
    prompt1: Idle = None
    prompt2: Idle = None
    combination_type: Idle = None
    mode: Idle = None


class GenerationRequest(Taken):
    """The body of `POST /api/schema/pipeline/generation`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "slow blues in A minor, piano", "output_config": "procedural_instrumental", "seed": 7}
            ]
        }
    )
    NAMES: ClassVar = {"prompt": "input_text", **{name: f"params.{name}" for name in PARAMETERS}}

    prompt: Any
    output_config: Any
    seed: Any = None
    enable_streaming: Any = None
    width: Any = None
    height: Any = None
    steps: Any = None
    cfg: Any = None
    negative_prompt: Any = None
    sampler_name: Any = None
    scheduler: Any = None
    denoise: Any = None
    run_id: Idle = None
    interception_result: Idle = None
    interception_config: Idle = None
    device_id: Idle = None


class GeneratedOutput(MediaOutput):
    """A generated output, in the form of `generation`."""

    index: Count
    seed: int | None


class Generated(Shown):
    """The answer of `generation`."""

    status: State
    run_id: str
    links: Links | None = None
    media_output: GeneratedOutput | None = None
    duration_ms: Count = 0
    loras: list[JsonObject] = Field([])
    was_translated: bool = False
    warnings: list[RunWarning] = Field([])


class PipelineState(Shown):
    """The state of a run."""

    stage: str
    step: str
    progress: str = Field(pattern=r"^\d+/\d+$")


class PipelineStatus(Shown):
    """The progress of a run: state, files, models."""

    run_id: str
    status: State
    timestamp: str = ""
    config_name: str = ""
    execution_mode: str = ""
    safety_level: str = ""
    user_id: str = ""
    device_id: str | None = None
    expected_outputs: list[str] = Field([])
    current_state: PipelineState
    entities: list[JsonObject]
    models_used: dict[str, list[str]] = Field({})


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

    Taken without effect, because nothing here needs them: the fields of the predecessor that concern other stages.
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

    `run_id` is taken without effect: every generation is a run of its own.
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
    detail = _detail(runs, run_id)
    resolved, stages = detail["resolved"], detail["stages"]
    done = [stage for stage in stages if stage["state"] in ("success", "skipped")]
    others = [stage for stage in stages if stage["state"] not in ("success", "skipped", "waiting")]
    at = (others or done[-1:] or stages)[0]
    return PipelineStatus(
        run_id=run_id,
        status=detail["status"],
        timestamp=detail["created_at"],
        config_name=resolved["schema"],
        execution_mode=resolved["execution_mode"],
        safety_level=resolved["safety_level"],
        user_id=detail["user_id"],
        device_id=None,
        expected_outputs=_expected(definitions.catalog, resolved["outputs"]),
        current_state=PipelineState(stage=at["name"], step=at["state"], progress=f"{len(done)}/{len(stages)}"),
        entities=_entities(detail),
        models_used=_models(stages),
    )


def entities(runs: Runs, run_id: RunId) -> JsonObject:
    """List the files of a run, numbered."""
    listed = _entities(_detail(runs, run_id))
    return {"run_id": run_id, "entity_count": len(listed), "entities": listed}


def media_info(runs: Runs, run_id: RunId) -> JsonObject:
    """List the media of a run, with their addresses."""
    detail = _detail(runs, run_id)
    media = [{"type": made["media"], **made} for made in detail["media"]]
    return {"run_id": run_id, "status": detail["status"], "media_count": len(media), "media": media}


def configs_metadata(definitions: Definitions, runs: Runs, visitor: Visitor) -> JsonObject:
    """List all interceptions and outputs."""
    catalog, rights = definitions.catalog, runs.rights(visitor.user_id)
    ways = [_about_interception(catalog, name) for name in catalog.interceptions]
    outputs = [_about_output(catalog, name) for name in catalog.outputs if rights.allows(name)]
    return {"configs": [*ways, *outputs]}


def _about_interception(catalog: Catalog, name: str) -> dict[str, Any]:
    described = describe_interception(catalog, name)
    about = {"id": name, "name": described.label.model_dump(), "description": described.description.model_dump()}
    return {**about, "pipeline": TEXT_PIPELINE, "meta": {"stage": "interception"}}


def _about_output(catalog: Catalog, name: str) -> dict[str, Any]:
    described = describe_output(catalog, name)
    return {
        "id": name,
        "name": described.label.model_dump(),
        "description": described.description.model_dump(),
        "pipeline": described.pipeline,
        "media_preferences": {"default_output": described.media},
        "parameters": {parameter.name: parameter.default for parameter in described.parameters},
        "meta": {
            "stage": "output",
            "model": next((model.file for model in described.models), None),
            "gpu_vram_mb": described.hints.vram_mb,
            "estimated_duration_seconds": described.hints.seconds,
        },
    }


def _detail(runs: Runs, run_id: str) -> dict[str, Any]:
    detail = wait_for(runs.detail(run_id))
    if detail is None:
        raise unknown_run(run_id)
    return detail


def _entities(detail: Mapping[str, Any]) -> list[dict[str, Any]]:
    shown = ("media", "stage", "role", "bytes", "sha256", "mime", "facts")
    return [
        {
            "sequence": entity["number"],
            "type": entity["type"],
            "filename": entity["filename"],
            "metadata": {name: entity[name] for name in shown if name in entity},
        }
        for entity in detail["entities"]
    ]


def _expected(catalog: Catalog, outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    names = [output["config"] for output in outputs if output["config"] in catalog.outputs]
    return [f"output_{describe_output(catalog, name).media}" for name in names]


def _models(stages: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the model files that each stage's last attempt was given."""
    last = {stage["name"]: attempts[-1] for stage in stages if (attempts := stage.get("attempts"))}
    return {name: sorted(set(attempt["result"].get("models", {}).values())) for name, attempt in last.items()}


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
