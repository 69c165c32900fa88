"""The queue: who waits where and for how long; to hold it, to let it go on, and to change its order."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from aiohttp import web
from flask import Response, request
from pydantic import BaseModel, ValidationError

from devserver.errors import InputError, refused_field
from devserver.queue import LONGEST_PAGE, PAGE, MoveRequest, PauseRequest
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.flask_app import json_body, json_reply, the_parts, user_id, viewer
from my_app.route import Query, Reply, Route

Body = TypeVar("Body", bound=BaseModel)
FARTHEST: Final = 1_000_000


async def list_backends(request: web.Request) -> web.StreamResponse:
    """Every backend: its state, versions, memory, models, its own queue as it tells it now, and ours before it."""
    return json_response(200, {"backends": await request.app[CONTEXT].parts.queue.survey()})


def show_queue() -> Response:
    """Every queue: own runs in full, those of others as places without a name. Of each a page of those that wait."""
    limit = _number("limit", PAGE, 1, LONGEST_PAGE)
    offset = _number("offset", 0, 0, FARTHEST)
    return json_reply(the_parts().queue.overview(viewer(), limit, offset))


def _number(name: str, usual: int, least: int, most: int) -> int:
    text = request.args.get(name, str(usual))
    if not (text.isascii() and text.isdecimal() and least <= int(text[:9]) <= most):
        message = f"{name} says which part of the queues is listed."
        raise InputError(message, field=name, value=text, allowed=f"a number from {least} to {most}")
    return int(text[:9])


def pause() -> Response:
    """Submit nothing new, to one backend or at all. What was submitted goes on. It lasts over a restart."""
    the_parts().queue.pause(_read(PauseRequest).backend)
    return show_queue()


def resume() -> Response:
    """Go on submitting: to one backend, or to all, also those that were paused one by one."""
    the_parts().queue.resume(_read(PauseRequest).backend)
    return show_queue()


def move() -> Response:
    """Let a waiting run go before others: to the front, before another one, or to a position."""
    return json_reply(the_parts().move(_read(MoveRequest), user_id()))


def _read(kind: type[Body]) -> Body:
    try:
        return kind.model_validate(json_body(required=kind is MoveRequest))
    except ValidationError as e:
        raise refused_field(e, kind) from e


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


TEXT: Final = {"type": "string"}
COUNT: Final = {"type": "integer", "minimum": 0}
FLAG: Final = {"type": "boolean"}
ETA: Final = {"$ref": "#/components/schemas/Eta"}
ENTRY: Final = _object(
    "position priority eta own",
    position={**COUNT, "description": "among those that wait, 1 is next; 0 has its turn"},
    priority={"type": "integer"},
    eta=ETA,
    own={**FLAG, "description": "whether it is one's own; of others nothing more is told"},
    run_id=TEXT,
    title=TEXT,
    user=TEXT,
    stage=TEXT,
    take=COUNT,
    asked_at={"type": "string", "format": "date-time"},
)
ENTRIES: Final = {"type": "array", "items": ENTRY}
QUEUE: Final = _object(
    "paused backends elsewhere elsewhere_total unfinished next_offset queue_limit queue_limit_per_user",
    paused={**FLAG, "description": "whether all queues are"},
    backends={
        "type": "array",
        "items": _object(
            "name state paused held waiting waiting_total eta",
            name=TEXT,
            state=TEXT,
            paused=FLAG,
            waiting_total={**COUNT, "description": "how many wait, on this page and on others"},
            held={**ENTRIES, "description": "what was submitted, or is about to be"},
            waiting={**ENTRIES, "description": "in the order in which they will be submitted"},
            eta={**ETA, "description": "until all of these are done"},
        ),
    },
    elsewhere={
        "type": "array",
        "items": _object("run_id title", run_id=TEXT, title=TEXT),
        "description": "unfinished runs of one's own that wait for no backend now",
    },
    elsewhere_total=COUNT,
    unfinished={**COUNT, "description": "runs of everybody"},
    next_offset={"type": ["integer", "null"], "description": "`offset` of the next page; null where this is the last"},
    queue_limit={**COUNT, "description": "how many runs may be unfinished; 0 is any number"},
    queue_limit_per_user=COUNT,
)
LENGTHS: Final = {
    "type": ["object", "null"],
    "description": "prompts that it runs and keeps waiting, whoever sent them; null where it does not say",
    "required": ["running", "pending"],
    "properties": {"running": COUNT, "pending": COUNT},
}
BACKEND: Final = _object(
    "name kind state problem last_problem deaf in_flight remote versions devices url queue paused held waiting eta",
    name=TEXT,
    kind={"enum": ["auto", "embedded", "comfyui", "swarmui", "agent"]},
    state={"enum": ["unknown", "up", "down"]},
    problem={**TEXT, "description": "why it is not used"},
    last_problem={**TEXT, "description": "what was wrong last, also where it is well again"},
    deaf={**FLAG, "description": "whether its event socket hears nothing; its prompts are asked for then"},
    in_flight={**COUNT, "description": "prompts of this server there"},
    remote=FLAG,
    versions={"type": "object", "additionalProperties": TEXT},
    devices={
        "type": "array",
        "items": {"type": "object"},
        "description": "as it tells them, with `vram_free` in bytes",
    },
    url=TEXT,
    queue=LENGTHS,
    paused=FLAG,
    held={**COUNT, "description": "takes of ours that have their turn"},
    waiting={**COUNT, "description": "takes of ours that wait for one"},
    eta={**ETA, "description": "until all of ours are done"},
    nodes={**COUNT, "description": "node classes"},
    models={
        "type": "object",
        "additionalProperties": {"type": "array", "items": TEXT},
        "description": "model files by the name of the input that takes them",
    },
)
BACKENDS: Final = _object("backends", backends={"type": "array", "items": BACKEND})
MOVED: Final = _object("run_id queue eta", run_id=TEXT, queue={"$ref": "#/components/schemas/Place"}, eta=ETA)
SHOWN: Final = Reply("The queues.", QUEUE)
BAD_BODY: Final = {
    400: Reply("The body is no JSON object.", "Error"),
    413: Reply("The body is too large.", "Error"),
    422: Reply("A field has a value that is not allowed.", "Error"),
}
CHANGED: Final = {200: SHOWN, 404: Reply("There is no such backend.", "Error"), **BAD_BODY}
ROUTES: Final = (
    Route(
        "GET",
        "/api/backends",
        list_backends,
        "queue",
        "What each backend has and does",
        {200: Reply("The backends, in the order in which they are preferred.", BACKENDS)},
    ),
    Route(
        "GET",
        "/api/queue",
        show_queue,
        "queue",
        "Who waits where, and for how long",
        {200: SHOWN, 422: Reply("A query value is not allowed.", "Error")},
        query=(
            Query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": LONGEST_PAGE, "default": PAGE},
                "How many that wait are listed of each queue.",
            ),
            Query(
                "offset",
                {"type": "integer", "minimum": 0, "maximum": FARTHEST, "default": 0},
                "How many of each queue come before these: `next_offset` of the page before.",
            ),
        ),
    ),
    Route(
        "POST",
        "/api/queue/pause",
        pause,
        "queue",
        "Submit nothing new",
        CHANGED,
        only_admins=True,
        is_control=True,
        body=PauseRequest.model_json_schema(),
    ),
    Route(
        "POST",
        "/api/queue/resume",
        resume,
        "queue",
        "Go on submitting",
        CHANGED,
        only_admins=True,
        is_control=True,
        body=PauseRequest.model_json_schema(),
    ),
    Route(
        "POST",
        "/api/queue/move",
        move,
        "queue",
        "Let a waiting run go before others",
        {
            200: Reply("Where it stands now.", MOVED),
            404: Reply("There is no such run.", "Error"),
            409: Reply("It has its turn already, has ended, or waits elsewhere.", "Error"),
            **BAD_BODY,
        },
        body=MoveRequest.model_json_schema(),
        body_required=True,
        body_example={"run_id": "20240131-235959-1f2e3d4c", "to": "front"},
    ),
)
