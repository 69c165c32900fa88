"""What /openapi.json promises, asked with values made from its own schemas: no 5xx, no status that it does not name,
and every answer as its schema says. The same values every time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from my_app.table import ROUTES
from my_app.views.route import Route
from tests.attacks.conftest import Target
from tests.patience import PATIENCE_S

EXAMPLES = int(os.environ.get("TONEWRIGHT_EXAMPLES", "5"))  # of each route in each way; a longer search sets more
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ENDLESS = {"all_events"}
QUIET = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@pytest.fixture(scope="module")
def described(target: Target) -> Iterator[Any]:
    """The description; nothing that is accepted meanwhile is run."""
    assert target.server.call("POST", "/api/queue/pause", {})[0] == 200
    yield schemathesis.openapi.from_url(f"{target.server.url}/openapi.json")
    for run in target.server.call("GET", "/api/runs?limit=200")[1]["runs"]:
        target.server.call("POST", f"/api/runs/{run['run_id']}/cancel")
    target.server.call("POST", "/api/queue/resume", {})


ASKED = [route for route in ROUTES if route.name not in ENDLESS]
FREE = {"public", "remove_key"}  # any text may stand in its path, so no value is a wrong one
WITH_VALUES = [r for r in ASKED if (r.body is not None or r.queries or r.parameters) and r.name not in FREE]
STREAMS = {"run_events"}  # their events are held against the schema in tests/my_app
OF_RUNS = [route for route in ASKED if "run_id" in route.parameters and route.name not in STREAMS]


def ask(described: Any, route: Route, **how: Any) -> None:
    operation = described[route.path.replace(":.+", "")][route.method]

    @QUIET
    @given(operation.as_strategy(**how))
    def once(case: Any) -> None:
        if isinstance(case.body, dict) and "enable_streaming" in case.body:
            case.body = {**case.body, "enable_streaming": False}  # who waits for a run that is held waits for ever
        if isinstance(case.body, dict) and route.name == "add_key":
            case.body = {**case.body, "admin": False}  # the first key, which would lock the door, is an admin's
        case.call_and_validate(checks=CHECKS, headers={"Prefer": "respond-async"}, timeout=PATIENCE_S)

    once()


@pytest.mark.parametrize("route", ASKED, ids=lambda route: route.name)
def test_right_values(described: Any, route: Route) -> None:
    ask(described, route)


@pytest.mark.parametrize("route", WITH_VALUES, ids=lambda route: route.name)
def test_wrong_values(described: Any, route: Route) -> None:
    ask(described, route, generation_mode=GenerationMode.NEGATIVE)


@pytest.mark.parametrize("route", OF_RUNS, ids=lambda route: route.name)
def test_of_a_run_that_there_is(described: Any, target: Target, route: Route) -> None:
    right = {"run_id": target.run_id, "media": "audio", "index": 0, "name": "x"}
    ask(described, route, path_parameters={name: right[name] for name in route.parameters})
