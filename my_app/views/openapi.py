"""/openapi.json, made from the table of routes and the signatures of their views."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from devserver.durable.idempotency import HEADER, LONGEST
from my_app.answers.errors import Error
from my_app.incoming.credentials import COOKIE
from my_app.views.route import Route
from my_app.views.shapes import EVENT_STREAM, Event
from my_app.views.signature import Argument

TITLE: Final = "Tonewright"
INTRODUCTION: Final = (
    "Turns pipeline definitions into ComfyUI graphs, runs them and keeps the results. "
    "Every error has the same shape: `error` names the stage, a code for programs, a message and a hint for people, "
    "and for bad input the field, its value and what is allowed. Routes whose `x-stability` is `experimental` may "
    "change from one version to the next; the others only gain fields."
)
STATUSES: Final = {
    200: "Done.",
    201: "Created.",
    202: "The run was accepted and goes on; `links` has its addresses.",
    204: "Done; no content.",
    206: "The requested range.",
    304: "The client has it already.",
    400: "The request cannot be read.",
    401: "The server needs a key, and the request has no valid one.",
    403: "Host or Origin is not one of ours; or the server's settings, the key or a safety stage do not allow it.",
    404: "Something that the request names does not exist.",
    408: "The body did not arrive in time.",
    409: "The current state does not allow it, or the run was cancelled.",
    412: "The file is not the one in If-Match.",
    413: "The body is too large.",
    415: "The content has no supported type.",
    416: "The range lies outside the file.",
    422: "A value is not allowed.",
    429: "Too many; Retry-After says when to try again.",
    500: "The server failed to handle the request.",
    502: "A backend failed, or its output was refused.",
    503: "Not now; Retry-After says when to try again.",
    504: "The run took longer than its output config allows.",
    507: "The disk of the exports is full, or cannot be written.",
}
KEY_HEADER: Final = {
    "name": HEADER,
    "in": "header",
    "description": "The same key and body get the first answer again, for 24 hours; another body with the key is 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
}
SCHEMES: Final = {
    "key": {"type": "http", "scheme": "bearer", "description": "A key from `python server.py keys add NAME`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "From POST /api/session."},
}
BINARY: Final = {"type": "string", "format": "binary"}


class Plain(GenerateJsonSchema):
    """JSON Schemas without titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the library's
        return False


class Schemas:
    """The schemas of everything that the routes take and answer; what has a name is a component."""

    def __init__(self, routes: Sequence[Route]) -> None:
        types = list({id(one): one for route in routes for one in _types(route)}.values())
        inputs = [(id(one), "validation", TypeAdapter(one)) for one in (*types, Error, Event)]
        ref = "#/components/schemas/{model}"
        found, rest = TypeAdapter.json_schemas(inputs, schema_generator=Plain, ref_template=ref)  # type: ignore[arg-type]
        self._found = {key: schema for (key, _), schema in found.items()}
        self.components = rest.get("$defs", {})

    def of(self, annotation: Any) -> dict[str, Any]:
        """Return the schema of a type, or where it is to be found."""
        return dict(self._found[id(annotation)])

    def properties(self, model: Any) -> dict[str, Any]:
        """Return the schemas of a model's fields by their names."""
        properties: dict[str, Any] = self.components[model.__name__]["properties"]
        return properties


def _types(route: Route) -> Iterator[Any]:
    signature = route.signature
    yield from (one.annotation for one in signature.arguments if one.kind != "given")
    yield from route.failures.values()
    if _is_json(signature.returns):
        yield signature.returns


def _is_json(returns: Any) -> bool:
    is_response = inspect.isclass(returns) and issubclass(returns, web.StreamResponse)
    return returns is not None and returns is not type(None) and not is_response


def build_openapi(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a table of routes."""
    schemas = Schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        item = paths.setdefault(re.sub(r":[^}]*", "", route.path), {})
        item[route.method.lower()] = _operation(route, schemas)
    queries = {one.annotation.__name__ for route in routes for one in route.signature.arguments if one.kind == "query"}
    components = {name: schema for name, schema in sorted(schemas.components.items()) if name not in queries}
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": INTRODUCTION},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
        "security": [{}, {"key": []}, {"session": []}],
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    text = inspect.cleandoc(route.view.__doc__ or "")
    parameters = [each for one in route.signature.arguments for each in _parameters(one, schemas)]
    if route.keyed:
        parameters.append(KEY_HEADER)
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": text.partition("\n")[0].removesuffix("."),
        "description": text,
        "x-stability": route.stability,
        "responses": {str(status): _response(route, status, schemas) for status in sorted(_statuses(route))},
    }
    if parameters:
        operation["parameters"] = parameters
    body = route.body
    if body is not None:
        schema = schemas.of(body.annotation)
        examples = schemas.components[body.annotation.__name__].get("examples", [])
        content = {"schema": schema, **({"example": examples[0]} if examples else {})}
        operation["requestBody"] = {"required": body.is_required, "content": {"application/json": content}}
    elif route.forms:
        forms = {kind: {"schema": dict(schema)} for kind, schema in route.forms.items()}
        operation["requestBody"] = {"required": True, "content": forms}
    return operation


def _parameters(one: Argument, schemas: Schemas) -> Iterator[dict[str, Any]]:
    if one.kind in ("path", "header"):
        schema = schemas.of(one.annotation)
        about = {"description": schema.pop("description", ""), "schema": schema}
        yield {"name": one.wire_name, "in": one.kind, "required": one.kind == "path", **about}
    elif one.kind == "query":
        for name, schema in schemas.properties(one.annotation).items():
            shown = {key: value for key, value in schema.items() if key != "description"}
            yield {"name": name, "in": "query", "description": schema.get("description", ""), "schema": shown}


def _statuses(route: Route) -> set[int]:
    """Return every status of a route: its own, and those that every route of its kind may answer."""
    signature, kinds = route.signature, {one.kind for one in route.signature.arguments}
    found = {*route.statuses, *route.failures, 400, 403}
    if route.method != "GET":
        found |= {408, 413}
    if not route.is_open:
        found |= {401, 429}
    query = signature.argument("query")
    if (query and not _takes_any_text(query.annotation)) or route.body or route.keyed:
        found.add(422)
    if "path" in kinds:
        found.add(404)
    return found


def _takes_any_text(model: type[BaseModel]) -> bool:
    return all(one.annotation in (str, str | None) and not one.metadata for one in model.model_fields.values())


def _response(route: Route, status: int, schemas: Schemas) -> dict[str, Any]:
    about: dict[str, Any] = {"description": STATUSES[status]}
    if status in route.failures:
        about["content"] = {"application/json": {"schema": schemas.of(route.failures[status])}}
    elif status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        about["content"] = {"application/json": {"schema": schemas.of(Error)}}
    elif status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        pass
    elif route.media_type == EVENT_STREAM:
        stream = {"type": "string", "contentSchema": schemas.of(Event)}
        about["content"] = {EVENT_STREAM: {"schema": stream}}
    elif _is_json(route.signature.returns):
        about["content"] = {"application/json": {"schema": schemas.of(route.signature.returns)}}
    else:
        about["content"] = {route.media_type: {"schema": BINARY}}
    return about
