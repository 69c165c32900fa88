from __future__ import annotations

import re
from typing import Any

import pytest
from aiohttp import ClientSession, web
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from my_app.context import FrontSettings
from my_app.flask_app import create_flask
from my_app.front import create_front
from my_app.table import ROUTES
from tests.my_app.conftest import PUBLIC
from tests.my_app.parts import Runs


@pytest.fixture
def app(runs: Runs) -> web.Application:
    return create_front(runs, FrontSettings(public=PUBLIC), version="1.2.3")


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


async def test_what_is_served_is_described_and_nothing_else(client: ClientSession, app: web.Application) -> None:
    document = await described(client)
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    served = {
        (route.method, re.sub(r":[^}]*", "", table_path))
        for route in app.router.routes()
        if (table_path := _path(route)) and route.method != "HEAD"
    }
    assert told == served
    flask = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in create_flask(Runs(PUBLIC), ROUTES).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert flask == {(route.method, route.path) for route in ROUTES if not route.native}


def _path(route: web.AbstractRoute) -> str:
    """The path as it was registered: aiohttp keeps a dynamic one without its pattern."""
    return route.resource.canonical if route.resource else ""


def test_names_are_unique() -> None:
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_route_says_what_it_is(route: Any) -> None:
    assert route.summary
    assert route.view.__doc__


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
    operation = (await described(client))["paths"][path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert OAS31Validator(schema).is_valid(body) is (case in TAKEN)
    assert operation["requestBody"]["required"] is True


async def test_execute_needs_a_body_and_a_page_begins_after_a_run(client: ClientSession) -> None:
    paths = (await described(client))["paths"]
    assert paths["/api/schema/pipeline/execute"]["post"]["requestBody"]["required"] is True
    (before,) = [one["schema"] for one in paths["/api/runs"]["get"]["parameters"] if one["name"] == "before"]
    for value, fits in ((RUN, True), ("", True), ("x", False), (f"{RUN} ", False)):
        assert OAS31Validator(before).is_valid(value) is fits
