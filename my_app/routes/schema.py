"""Starting a run, and what there is to start."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from flask import Response, request

from my_app.bodies import read_body, read_json
from my_app.bridge import USER_ID, headers_of
from my_app.context import CONTEXT
from my_app.flask_app import json_reply, the_parts, user_id
from my_app.ports import Accepted
from my_app.route import SMALL_BODY_BYTES, FlaskView, Query, Reply, Route
from my_app.routes.runs import FULL, RUN_ANSWERS
from my_app.waiting import Wish, read_wish, start
from schemas.describe import describe_chunk, describe_interception, describe_output, describe_pipeline

EXAMPLE: Final = {
    "schema": "dada",
    "input_text": "test",
    "output_config": "acestep_instrumental",
    "execution_mode": "eco",
    "safety_level": "off",
}


async def execute(request: web.Request) -> web.StreamResponse:
    """Start a run, and wait for its end unless asked not to."""
    parts = request.app[CONTEXT].parts
    raw, user_id, headers = await read_body(request, SMALL_BODY_BYTES), request[USER_ID], headers_of(request)
    wait_s = parts.execute_schema["properties"]["wait_timeout_s"]["default"]

    def accept() -> tuple[Accepted, Wish]:
        body = read_json(raw)
        return parts.accept(body, user_id, headers), read_wish(body, headers, wait_s)

    return await start(request, accept)


def list_schemas() -> Response:
    """The interception configs: how a text can be transformed."""
    catalog = the_parts().definitions.catalog
    return json_reply({"schemas": [describe_interception(catalog, name) for name in catalog.interceptions]})


def list_outputs() -> Response:
    """The output configs that one may ask for, and their parameters; with `backend` also whether it can run them."""
    parts, asked = the_parts(), request.args.get("backend")
    catalog = parts.definitions.catalog
    rights = parts.rights(user_id())
    outputs = [describe_output(catalog, name) for name in catalog.outputs if rights.allows(name)]
    if asked is not None:
        found = parts.authoring.runs_on(asked)
        outputs = [{**output, "backend": found.get(output["name"])} for output in outputs]
    return json_reply({"outputs": outputs})


def list_pipelines() -> Response:
    """The pipelines: which stages a run goes through."""
    catalog = the_parts().definitions.catalog
    return json_reply({"pipelines": [describe_pipeline(catalog, name) for name in catalog.pipelines]})


def list_chunks() -> Response:
    """The chunks: the steps that pipelines and configs are built of."""
    catalog = the_parts().definitions.catalog
    return json_reply({"chunks": [describe_chunk(catalog, name) for name in catalog.chunks]})


def show_status() -> Response:
    """The definitions in force, and what is wrong with an edit that could not be used."""
    return json_reply(the_parts().definitions.status().as_json())


STATUS: Final = {
    "type": "object",
    "required": ["state", "version", "problems", "folders", "watched"],
    "properties": {
        "state": {"enum": ["ok", "broken"], "description": "broken: the last good version stays in force."},
        "version": {"type": "integer", "description": "Grows with every edit that comes into force."},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["file", "line", "field", "message"],
                "properties": {"line": {"type": "integer"}},
                "additionalProperties": {"type": "string"},
            },
        },
        "folders": {"type": "array", "items": {"type": "string"}},
        "watched": {"type": "array", "items": {"type": "string"}, "description": "Edits in these are noticed."},
    },
}


def _list(path: str, view: FlaskView, summary: str, **more: Any) -> Route:
    name = path.rpartition("/")[2]
    schema = {
        "type": "object",
        "required": [name],
        "properties": {name: {"type": "array", "items": {"type": "object"}}},
    }
    replies = {200: Reply("What there is, by name.", schema), **more.pop("replies", {})}
    return Route("GET", path, view, "schema", summary, replies, **more)


ROUTES: Final = (
    Route(
        "POST",
        "/api/schema/pipeline/execute",
        execute,
        "schema",
        "Make something",
        {
            **RUN_ANSWERS,
            400: Reply("The body is no JSON object, or a field is missing.", "Error"),
            404: Reply("A definition that the request names does not exist.", "Error"),
            413: Reply("The body is too large.", "Error"),
            422: Reply("A field or a parameter has a value that is not allowed.", "Error"),
            429: FULL,
        },
        keyed=True,
        body="ExecuteRequest",
        body_required=True,
        body_example=EXAMPLE,
    ),
    _list("/api/schema/schemas", list_schemas, "How a text can be transformed"),
    _list(
        "/api/schema/outputs",
        list_outputs,
        "What can be made",
        query=(Query("backend", {"type": "string"}, "A backend's name or address: tell what it can run."),),
        replies={
            404: Reply("There is no such backend.", "Error"),
            409: Reply("That backend does not answer.", "Error"),
        },
    ),
    _list("/api/schema/pipelines", list_pipelines, "The ways through a run"),
    Route(
        "GET",
        "/api/schema/status",
        show_status,
        "schema",
        "Whether the last edit of the definitions is in force",
        {200: Reply("How the definitions stand.", STATUS)},
    ),
    _list("/api/schema/chunks", list_chunks, "The steps that runs are made of"),
)
