"""The AI4ArtsEd server's routes that scripts call, as thin doors onto our own: its names outside, our runs inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from flask import Response

from devserver.answer import Answer
from devserver.errors import InputError
from my_app.bodies import read_body, read_json
from my_app.bridge import USER_ID, headers_of
from my_app.context import CONTEXT
from my_app.flask_app import json_reply, the_parts, user_id
from my_app.ports import Accepted
from my_app.route import SMALL_BODY_BYTES, Reply, Route, unknown_run
from my_app.routes.runs import RUN_ANSWERS, UNKNOWN
from my_app.waiting import Wish, read_wish, start
from schemas.catalog import Catalog
from schemas.describe import describe_interception, describe_output

TEXT_PIPELINE: Final = "text_only"
UNCHANGED: Final = "plain"
LEVELS: Final = {"research": "off"}  # its name for a server that checks nothing
# What a request may say, and under which name we take it; `params.` leads to a parameter of the output.
INTERCEPTION: Final = {
    name: name for name in ("schema", "input_text", "seed", "safety_level", "execution_mode", "enable_streaming")
}
GENERATION: Final = {
    "prompt": "input_text",
    **{name: name for name in ("output_config", "seed", "enable_streaming")},
    **{
        name: f"params.{name}"
        for name in ("width", "height", "steps", "cfg", "negative_prompt", "sampler_name", "scheduler", "denoise")
    },
}
# What it had and nothing here needs: taken, and without effect.
INTERCEPTION_IDLE: Final = (
    *("output_config", "user_language", "context_prompt", "context_language", "user_input", "stage4_only"),
    *("timestamp", "interception_result", "optimization_result", "input_image", "input_image1", "input_image2"),
    *("input_image3", "alpha_factor", "custom_placeholders", "device_id", "prompt1", "prompt2", "combination_type"),
    "mode",
)
GENERATION_IDLE: Final = ("run_id", "interception_result", "interception_config", "device_id")


@dataclass(frozen=True)
class Door:
    """How one of its requests becomes ours.

    Args:
        names: its fields, and under which name we take them; `params.` leads to a parameter of the output.
        idle: what it had and nothing here needs: taken, and without effect.
        needed: the fields that it cannot be without.
        translate: makes our request of it.
        shape: makes the answer its own.
    """

    names: Mapping[str, str]
    idle: Iterable[str]
    needed: tuple[str, ...]
    translate: Callable[[dict[str, Any]], dict[str, Any]]
    shape: Callable[[Answer], Answer] = lambda answer: answer

    async def start(self, request: web.Request) -> web.StreamResponse:
        """Start the run that a request means, and answer as the client wishes."""
        parts = request.app[CONTEXT].parts
        raw, user_id, headers = await read_body(request, SMALL_BODY_BYTES), request[USER_ID], headers_of(request)

        def accept() -> tuple[Accepted, Wish]:
            body = _read(read_json(raw), self.names, self.idle, self.needed)
            with self._own_names():
                run = parts.accept(self.translate(body), user_id, headers)
            return run, read_wish(body, headers, 600.0)

        return await start(request, accept, self.shape)

    @contextmanager
    def _own_names(self) -> Iterator[None]:
        """Name the field that the client knows where a request is refused."""
        try:
            yield
        except InputError as error:
            error.field = next((theirs for theirs, ours in self.names.items() if ours == error.field), error.field)
            if error.field == "safety_level":
                error.value = next((theirs for theirs, ours in LEVELS.items() if ours == error.value), error.value)
            raise


async def interception(request: web.Request) -> web.StreamResponse:
    """Rewrite a text and make nothing of it; the answer's `final_output` is the text.

    Taken without effect, because nothing here needs them: the fields of the predecessor that concern other stages.
    """
    return await Door(INTERCEPTION, INTERCEPTION_IDLE, ("schema", "input_text"), _rewrite).start(request)


def _rewrite(body: dict[str, Any]) -> dict[str, Any]:
    level = body.get("safety_level")
    asked = {**body, **({"safety_level": LEVELS.get(str(level), level)} if level is not None else {})}
    return {**asked, "pipeline": TEXT_PIPELINE}


async def generation(request: web.Request) -> web.StreamResponse:
    """Make media of a prompt as it is; the text is checked, and not transformed.

    `run_id` is taken without effect: every generation is a run of its own.
    """
    needed = ("prompt", "output_config")
    return await Door(GENERATION, GENERATION_IDLE, needed, _generate, as_generated).start(request)


def _generate(body: dict[str, Any]) -> dict[str, Any]:
    asked = {name: value for name, value in body.items() if not name.startswith("params.")}
    params = {name.removeprefix("params."): value for name, value in body.items() if name.startswith("params.")}
    return {**asked, "schema": UNCHANGED, "params": params}


def _read(
    body: Mapping[str, Any], names: Mapping[str, str], idle: Iterable[str], needed: tuple[str, ...]
) -> dict[str, Any]:
    """The body under our names. Null counts as not said, as it did there."""
    for name in needed:
        if body.get(name) is None:
            raise InputError(f"The field {name} is missing.", status=400, field=name, allowed="text")
    for name, value in body.items():
        if name not in names and name not in idle:
            allowed = sorted([*names, *idle])
            raise InputError(f"There is no field {name}.", field=name, value=value, allowed=allowed)
    return {names[name]: value for name, value in body.items() if name in names and value is not None}


def generated(run_id: str) -> Response:
    """What `generation` answers for this run, now."""
    found = as_generated(the_parts().answer(run_id))
    return json_reply(found.body, found.status)


def as_generated(answer: Answer) -> Answer:
    """Return an answer as `generation` gives it."""
    body = answer.body
    made = body.get("media_output")
    if made is None:
        return answer
    index = str(made["url"] or "").removeprefix(f"/api/media/{made['media_type']}/{body['run_id']}").strip("/")
    told = {
        **{name: body[name] for name in ("status", "run_id", "warnings", "links", "error") if name in body},
        "media_output": {**made, "index": int(index or 0), "seed": made["metadata"].get("seed")},
        "duration_ms": round((body["execution_time"] or 0) * 1000),
        "loras": [],
        "was_translated": body["final_output"] != body["input_text"],
    }
    return Answer(answer.status, told)


def status(run_id: str) -> Response:
    """How far a run is, for a script that asks again and again."""
    detail = _detail(run_id)
    resolved, stages = detail["resolved"], detail["stages"]
    done = [stage for stage in stages if stage["state"] in ("success", "skipped")]
    others = [stage for stage in stages if stage["state"] not in ("success", "skipped", "waiting")]
    at = (others or done[-1:] or stages)[0]
    return json_reply(
        {
            "run_id": run_id,
            "status": detail["status"],
            "timestamp": detail["created_at"],
            "config_name": resolved["schema"],
            "execution_mode": resolved["execution_mode"],
            "safety_level": resolved["safety_level"],
            "user_id": detail["user_id"],
            "device_id": None,
            "expected_outputs": _expected(resolved["outputs"]),
            "current_state": {"stage": at["name"], "step": at["state"], "progress": f"{len(done)}/{len(stages)}"},
            "entities": _entities(detail),
            "models_used": _models(stages),
        }
    )


def entities(run_id: str) -> Response:
    """The files of a run, numbered."""
    listed = _entities(_detail(run_id))
    return json_reply({"run_id": run_id, "entity_count": len(listed), "entities": listed})


def media_info(run_id: str) -> Response:
    """The media of a run, with their addresses."""
    detail = _detail(run_id)
    media = [{"type": made["media"], **made} for made in detail["media"]]
    return json_reply({"run_id": run_id, "status": detail["status"], "media_count": len(media), "media": media})


def configs_metadata() -> Response:
    """Everything that can be chosen, interceptions and outputs, in one list."""
    catalog, rights = the_parts().definitions.catalog, the_parts().rights(user_id())
    ways = [_about_interception(catalog, name) for name in catalog.interceptions]
    outputs = [_about_output(catalog, name) for name in catalog.outputs if rights.allows(name)]
    return json_reply({"configs": [*ways, *outputs]})


def _about_interception(catalog: Catalog, name: str) -> dict[str, Any]:
    told = describe_interception(catalog, name)
    about = {"id": name, "name": told["label"], "description": told["description"]}
    return {**about, "pipeline": TEXT_PIPELINE, "meta": {"stage": "interception"}}


def _about_output(catalog: Catalog, name: str) -> dict[str, Any]:
    told = describe_output(catalog, name)
    return {
        "id": name,
        "name": told["label"],
        "description": told["description"],
        "pipeline": told["pipeline"],
        "media_preferences": {"default_output": told["media"]},
        "parameters": {parameter["name"]: parameter["default"] for parameter in told["parameters"]},
        "meta": {
            "stage": "output",
            "model": next((model["file"] for model in told["models"]), None),
            "gpu_vram_mb": told["hints"]["vram_mb"],
            "estimated_duration_seconds": told["hints"]["seconds"],
        },
    }


def _detail(run_id: str) -> dict[str, Any]:
    detail = the_parts().run_detail(run_id)
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


def _expected(outputs: Iterable[Mapping[str, Any]]) -> list[str]:
    catalog = the_parts().definitions.catalog
    names = [output["config"] for output in outputs if output["config"] in catalog.outputs]
    return [f"output_{describe_output(catalog, name)['media']}" for name in names]


def _models(stages: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The model files that each stage's last attempt was given."""
    last = {stage["name"]: attempts[-1] for stage in stages if (attempts := stage.get("attempts"))}
    return {name: sorted(set(attempt["result"].get("models", {}).values())) for name, attempt in last.items()}


ERRORS: Final = {
    400: Reply("The body is no JSON object, or a field is missing.", "Error"),
    404: Reply("A definition that the request names does not exist.", "Error"),
    413: Reply("The body is too large.", "Error"),
    422: Reply("A field or a parameter has a value that is not allowed.", "Error"),
}
GENERATED: Final = {
    number: Reply(reply.description, "Refused" if reply.schema == "Refused" else "Generated")
    for number, reply in RUN_ANSWERS.items()
}
OBJECT: Final = {"type": "object"}


def _body(names: Mapping[str, str], idle: Iterable[str], needed: list[str]) -> dict[str, Any]:
    properties: dict[str, Any] = {name: {} for name in names}
    properties |= {name: {"description": "without effect"} for name in idle}
    return {"type": "object", "required": needed, "properties": properties, "additionalProperties": False}


ROUTES: Final = (
    Route(
        "POST",
        "/api/schema/pipeline/interception",
        interception,
        "predecessor",
        "Transform a text",
        {**RUN_ANSWERS, **ERRORS},
        body=_body(INTERCEPTION, INTERCEPTION_IDLE, ["schema", "input_text"]),
        body_required=True,
        body_example={"schema": "haiku", "input_text": "The rain falls on the old harbour, slow and grey."},
    ),
    Route(
        "POST",
        "/api/schema/pipeline/generation",
        generation,
        "predecessor",
        "Make media of a prompt as it is",
        {**GENERATED, **ERRORS},
        body=_body(GENERATION, GENERATION_IDLE, ["prompt", "output_config"]),
        body_required=True,
        body_example={"prompt": "slow blues in A minor, piano", "output_config": "procedural_instrumental", "seed": 7},
    ),
    Route(
        "GET",
        "/api/pipeline/{run_id}/generation",
        generated,
        "predecessor",
        "What generation answers for a run",
        {**GENERATED, 404: UNKNOWN},
    ),
    Route(
        "GET",
        "/api/pipeline/{run_id}/status",
        status,
        "predecessor",
        "How far a run is",
        {200: Reply("Its state, its files and its models.", "PipelineStatus"), 404: UNKNOWN},
    ),
    Route(
        "GET",
        "/api/pipeline/{run_id}/entities",
        entities,
        "predecessor",
        "The files of a run",
        {200: Reply("The files, numbered.", OBJECT), 404: UNKNOWN},
    ),
    Route(
        "GET",
        "/api/media/info/{run_id}",
        media_info,
        "predecessor",
        "The media of a run",
        {200: Reply("Each with its address.", OBJECT), 404: UNKNOWN},
    ),
    Route(
        "GET",
        "/pipeline_configs_metadata",
        configs_metadata,
        "predecessor",
        "Everything that can be chosen",
        {200: Reply("Interceptions and outputs.", OBJECT)},
    ),
)
