"""/openapi.json, made from the table of routes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from devserver.durable.idempotency import HEADER, LONGEST
from devserver.store import RUN_ID
from my_app.auth import COOKIE
from my_app.errors import error_body
from my_app.route import Reply, Route
from my_app.shapes import SHAPES

TITLE: Final = "Tonewright"
INTRODUCTION: Final = (
    "Turns pipeline definitions into ComfyUI graphs, runs them, and keeps what they made. "
    "Every error has the same shape: `error` names the stage, a code for programs, a message and a hint for people, "
    "and for bad input the field, its value and what is allowed."
)
PARAMETERS: Final = {
    "run_id": {"schema": {"type": "string", "pattern": f"^{RUN_ID.pattern}$"}, "description": "The run."},
    "media": {"schema": {"type": "string", "enum": ["audio", "video", "image", "file"]}, "description": "The medium."},
    "index": {"schema": {"type": "integer", "minimum": 0}, "description": "Counts the run's files of that medium."},
    "name": {"schema": {"type": "string"}, "description": "The stem's name, as the list of stems gives it."},
    "user": {"schema": {"type": "string"}, "description": "The name of a key's user."},
    "path": {"schema": {"type": "string"}, "description": "The file's path below the public folder."},
}
EXAMPLES: Final = {
    400: error_body(400, "The body is not JSON: Expecting value at line 1, column 1.", allowed="a JSON object"),
    401: error_body(401, "This needs a key.", field="Authorization", allowed="a key"),
    404: error_body(404, "There is no such run.", field="run_id", value="x", hint="GET /api/runs lists them."),
    409: error_body(409, "The run has ended already.", field="run_id", value="x"),
    412: error_body(412, "Precondition Failed"),
    413: error_body(413, "The request's body is too large."),
    422: error_body(422, "seconds is too large.", field="params.seconds", value=900, allowed="a number from 1 to 600"),
}


KEY_HEADER: Final = {
    "name": HEADER,
    "in": "header",
    "description": "Sent again with the same body it gets the first answer, for 24 hours; with another body it is 422.",
}
NO_KEY: Final = Reply("Keys are needed here, and none came along that is known.", "Error")
LARGE: Final = Reply("The body is too large.", "Error")
MANY_TRIES: Final = Reply("Too many wrong keys came from this address; Retry-After says when to try again.", "Error")
SCHEMES: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key from `python server.py keys add NAME`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "From POST /api/session."},
}


def build_openapi(routes: Sequence[Route], execute_schema: Mapping[str, Any], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a table of routes; the `$defs` of the execute request's schema become components."""
    request = json.loads(json.dumps(execute_schema).replace("#/$defs/", "#/components/schemas/"))
    components = {**SHAPES, **request.pop("$defs", {}), "ExecuteRequest": request}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        item = paths.setdefault(re.sub(r":[^}]*", "", route.path), {})
        item[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": INTRODUCTION},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
        "security": [{}, {"key": []}, {"session": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, **PARAMETERS[name]} for name in route.parameters
    ]
    parameters += [
        {"name": query.name, "in": "query", "schema": dict(query.schema), "description": query.description}
        for query in route.query
    ]
    replies = {400: Reply("The request cannot be read.", "Error"), **route.replies}
    if route.method != "GET":
        replies = {408: Reply("The body did not come in time.", "Error"), 413: LARGE, **replies}
    replies = {403: Reply("Host or Origin is not one of ours.", "Error"), **replies}
    if not route.is_open:
        replies = {401: NO_KEY, 429: MANY_TRIES, **replies}
    if route.keyed:
        parameters.append({**KEY_HEADER, "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST}})
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": (route.view.__doc__ or "").strip(),
        "responses": {str(status): _response(status, reply) for status, reply in sorted(replies.items())},
    }
    if parameters:
        operation["parameters"] = parameters
    if route.bodies:
        content: dict[str, Any] = {kind: {"schema": dict(schema)} for kind, schema in route.bodies.items()}
        operation["requestBody"] = {"required": route.body_required, "content": content}
    if route.body is not None:
        example = {"schema": _schema(route.body), **({"example": route.body_example} if route.body_example else {})}
        operation["requestBody"] = {"required": route.body_required, "content": {"application/json": example}}
    return operation


def _response(status: int, reply: Reply) -> dict[str, Any]:
    if reply.schema is None and reply.media_type == "application/json":
        return {"description": reply.description}
    content: dict[str, Any] = {} if reply.schema is None else {"schema": _schema(reply.schema)}
    example = EXAMPLES.get(status) if reply.example is None and reply.schema == "Error" else reply.example
    if example is not None:
        content["example"] = example
    return {"description": reply.description, "content": {reply.media_type: content}}


def _schema(schema: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else dict(schema)
