"""For people who write definitions: a graph made into some, and a text checked as it is typed."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from flask import Response

from devserver.authoring import ImportRequest, ValidateRequest
from my_app.auth import viewer_of
from my_app.bodies import read_body, read_json
from my_app.bridge import USER_ID
from my_app.context import CONTEXT
from my_app.errors import json_response
from my_app.flask_app import json_body, json_reply, the_parts
from my_app.route import Reply, Route
from my_app.waiting import REPLAYED
from schemas.limits import BYTES

LARGEST_BYTES: Final = BYTES.most  # a saved graph with sub-graphs and notes has a few MiB at most


async def import_graph(request: web.Request) -> web.StreamResponse:
    """Make definitions from a graph in either of ComfyUI's forms, or from an uploaded file that holds one.

    The answer shows the files. They are written only with `write`, and are in force then.
    """
    parts, viewer = request.app[CONTEXT].parts, viewer_of(request)
    body = await asyncio.to_thread(read_json, await read_body(request, LARGEST_BYTES))
    claim = parts.idempotency.claim(dict(request.headers), request[USER_ID], "import", body)

    async def make() -> tuple[int, dict[str, Any]]:
        return HTTPStatus.OK, await parts.authoring.take_in(body, viewer)

    first, replayed = await parts.idempotency.once_awaited(claim, make)
    return json_response(first.status or HTTPStatus.OK, first.body, REPLAYED if replayed else {})


def validate_definition() -> Response:
    """Check a definition's text: every problem with its line, counted from 1, and its field."""
    return json_reply(the_parts().authoring.validate(json_body()))


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


TEXT: Final = {"type": "string"}
TEXTS: Final = {"type": "array", "items": TEXT}
OBJECTS: Final = {"type": "array", "items": {"type": "object"}}
IMPORTED: Final = _object(
    "name form parameters models outputs warnings files written",
    name=TEXT,
    form={"enum": ["api", "ui"]},
    parameters={"type": "object", "additionalProperties": TEXT, "description": "each parameter's type"},
    models=OBJECTS,
    outputs=OBJECTS,
    warnings=TEXTS,
    files={"type": "object", "additionalProperties": TEXT, "description": "each file's text, by its place"},
    written={**TEXTS, "description": "the files that were written"},
)
CHECKED: Final = _object(
    "valid problems",
    valid={"type": "boolean"},
    problems={
        "type": "array",
        "items": _object("line field message", line={"type": "integer", "minimum": 1}, field=TEXT, message=TEXT),
    },
)
NO_JSON: Final = Reply("The body is no JSON object.", "Error")
TOO_LARGE: Final = Reply("The body is too large.", "Error")

ROUTES: Final = (
    Route(
        "POST",
        "/api/schema/import",
        import_graph,
        "schema",
        "Make definitions from a graph",
        {
            200: Reply("The definitions.", IMPORTED),
            400: NO_JSON,
            403: Reply("Only an admin key may write definitions; or Host or Origin is not one of ours.", "Error"),
            404: Reply("There is no such upload or backend.", "Error"),
            409: Reply("The name is taken, or the backend does not answer.", "Error"),
            413: TOO_LARGE,
            422: Reply("The graph cannot be made into definitions; nothing was written.", "Error"),
        },
        keyed=True,
        body=ImportRequest.model_json_schema(),
        body_required=True,
        max_body_bytes=LARGEST_BYTES,
    ),
    Route(
        "POST",
        "/api/schema/validate",
        validate_definition,
        "schema",
        "Check a definition's text",
        {
            200: Reply("What is wrong with it.", CHECKED),
            400: NO_JSON,
            413: TOO_LARGE,
            422: Reply("A field is missing or not known.", "Error"),
        },
        body=ValidateRequest.model_json_schema(),
        body_required=True,
        body_example={"kind": "output", "name": "mine", "text": "label: {en: Mine, de: Meins}\n"},
    ),
)
