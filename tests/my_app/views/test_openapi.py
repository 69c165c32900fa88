from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final

import pytest
from aiohttp import ClientSession, web
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from pydantic import BaseModel, ConfigDict, Field

from my_app.door.context import FrontSettings
from my_app.door.visitors import Visitor
from my_app.flask_app import create_flask
from my_app.front import create_front, listen_at
from my_app.table import ROUTES
from my_app.views.openapi import build_openapi
from my_app.views.route import Route
from my_app.views.shapes import Shown
from tests.my_app.conftest import ROOT
from tests.my_app.still import PUBLIC, Still

RECORDED: Final = ROOT / "tests" / "kept" / "recorded" / "names" / "served" / "openapi"


@pytest.fixture
def served(still: Still) -> web.Application:
    return create_front(still.app, FrontSettings(public=PUBLIC), version="1.2.3")


async def described(client: ClientSession) -> dict[str, Any]:
    async with client.get("/openapi.json") as reply:
        found: dict[str, Any] = await reply.json()
        return found


async def test_the_description_is_valid(client: ClientSession) -> None:
    validate(await described(client))


async def test_every_example_fits_its_schema(client: ClientSession) -> None:
    document = await described(client)
    for item in document["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    if "example" in content:
                        schema = {**content["schema"], "components": document["components"]}
                        OAS31Validator(schema).validate(content["example"])


async def test_what_is_served_is_described_and_nothing_else(client: ClientSession, served: web.Application) -> None:
    document = await described(client)
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    routed = {
        (route.method, re.sub(r":[^}]*", "", table_path))
        for route in served.router.routes()
        if (table_path := _path(route)) and route.method != "HEAD"
    }
    assert told == routed
    flask = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in create_flask({}, ROUTES).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert flask == {(route.method, route.path) for route in ROUTES if not route.native}


def _path(route: web.AbstractRoute) -> str:
    """The path as it was registered: aiohttp keeps a dynamic one without its pattern."""
    return route.resource.canonical if route.resource else ""


async def test_every_answer_has_a_model(client: ClientSession) -> None:
    """What a view returns is what is described: none answers with just any object, but the description itself."""
    plain = set()
    for path, item in (await described(client))["paths"].items():
        for operation in item.values():
            for response in operation["responses"].values():
                schema = response.get("content", {}).get("application/json", {}).get("schema", {})
                if schema.get("type") == "object" and "properties" not in schema:
                    plain.add(path)
    assert plain == {"/openapi.json"}


def test_names_are_unique() -> None:
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))


async def test_every_route_says_what_it_is_in_a_short_line(client: ClientSession) -> None:
    for path, item in (await described(client))["paths"].items():
        for method, operation in item.items():
            assert 0 < len(operation["summary"]) <= 120, (method, path)
            assert operation["x-stability"] in ("stable", "experimental")


def test_what_a_stability_means_is_documented() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert [one for one in {route.stability for route in ROUTES} if f"| `{one}` |" not in page] == []


async def test_a_new_route_needs_no_line_elsewhere(still: Still) -> None:
    """Its path parameters, its query, its body and its answer follow from the signature of its view."""

    def greet(visitor: Visitor, who: Annotated[str, Field(max_length=5)], query: Often, body: Words) -> Greeting:
        """Greet somebody."""
        return Greeting(words=f"{body.words} {who} from {visitor.user_id}, " * query.times)

    route = Route("PUT", "/greetings/{who}", greet, "greetings", (201, 409), stability="experimental")
    front = create_front(still.app, FrontSettings(public=PUBLIC), version="0", routes=(route,))
    listening = await listen_at(front, "127.0.0.1", 0)
    operation = build_openapi((route,), "0")["paths"]["/greetings/{who}"]["put"]
    async with ClientSession(listening.url) as client:
        async with client.put("/greetings/Ann?times=2", json={"words": "Hello"}) as reply:
            assert (reply.status, await reply.json()) == (201, {"words": "Hello Ann from local, " * 2})
        refused = {
            "/greetings/Bartholomew": (404, "who", "Bartholomew"),
            "/greetings/Ann?times=9": (422, "times", "9"),
            "/greetings/Ann?times=1": (422, "words", 1),
        }
        for path, (status, field, value) in refused.items():
            async with client.put(path, json={"words": 1}) as reply:
                error = (await reply.json())["error"]
                assert (reply.status, error["field"], error["value"]) == (status, field, value)
                assert error["allowed"]
    await listening.close()
    assert [(one["name"], one["in"], one["schema"]) for one in operation["parameters"]] == [
        ("who", "path", {"type": "string", "maxLength": 5}),
        ("times", "query", {"type": "integer", "maximum": 3, "default": 1}),
    ]
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Words"}
    assert {*operation["responses"]} >= {"201", "400", "401", "403", "404", "408", "409", "413", "422", "429"}
    assert (operation["summary"], operation["x-stability"]) == ("Greet somebody", "experimental")


class Often(BaseModel):
    times: int = Field(1, le=3)


class Words(BaseModel):
    model_config = ConfigDict(strict=True)
    words: str


class Greeting(Shown):
    words: str


async def test_what_was_described_once_still_is(client: ClientSession) -> None:
    """Every recorded route, parameter, status and required field of a body; no body needs more than it did."""
    document = await described(client)
    for file in sorted(RECORDED.glob("*.json")):
        if file.stem in ("about", "components"):
            continue
        for name, was in json.loads(file.read_text()).items():
            method, _, path = name.partition(" ")
            now = document["paths"][path][method.lower()]
            assert now["operationId"] == was["operationId"]
            assert _parameters(was) <= _parameters(now), name
            assert {*was["responses"]} <= {*now["responses"]}, name
            assert _required(document, now) <= _required(_recorded_components(), was), name


def _parameters(operation: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["name"], one["in"]) for one in operation.get("parameters", [])}


def _required(document: dict[str, Any], operation: dict[str, Any]) -> set[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return {*_resolved(document, content.get("schema", {})).get("required", [])}


def _recorded_components() -> dict[str, Any]:
    return {"components": json.loads((RECORDED / "components.json").read_text())}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


RUN = "20240131-235959-1f2e3d4c"
REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a move to nowhere": ("/api/queue/move", {"run_id": RUN}),
    "a move to two places": ("/api/queue/move", {"run_id": RUN, "to": "front", "position": 1}),
    "a move with nulls alone": ("/api/queue/move", {"run_id": RUN, "to": None}),
    "a move of no run": ("/api/queue/move", {"run_id": "x", "to": "front"}),
    "a move before no run": ("/api/queue/move", {"run_id": RUN, "before": "x"}),
    "an import of nothing": ("/api/schema/import", {"name": "x"}),
    "an import of two things": ("/api/schema/import", {"graph": {}, "upload": "x"}),
}
TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a move to the front": ("/api/queue/move", {"run_id": RUN, "to": "front", "before": None}),
    "a move to a position": ("/api/queue/move", {"run_id": RUN, "position": 1}),
    "a move before a run": ("/api/queue/move", {"run_id": RUN, "before": RUN}),
    "an import of a graph": ("/api/schema/import", {"graph": {}, "upload": None}),
}


@pytest.mark.parametrize("case", [*REFUSED, *TAKEN])
async def test_a_body_fits_its_schema_where_it_may_be_taken(client: ClientSession, case: str) -> None:
    path, body = (REFUSED | TAKEN)[case]
    document = await described(client)
    operation = document["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert OAS31Validator({**schema, "components": document["components"]}).is_valid(body) is (case in TAKEN)
    assert operation["requestBody"]["required"] is True


async def test_execute_needs_a_body_and_a_page_begins_after_a_run(client: ClientSession) -> None:
    paths = (await described(client))["paths"]
    assert paths["/api/schema/pipeline/execute"]["post"]["requestBody"]["required"] is True
    (before,) = [one["schema"] for one in paths["/api/runs"]["get"]["parameters"] if one["name"] == "before"]
    for value, fits in ((RUN, True), ("", True), ("x", False), (f"{RUN} ", False)):
        assert OAS31Validator(before).is_valid(value) is fits
