"""What /openapi.json promises, asked with values made from its own schemas: no 5xx, no status that it does not name,
and every answer as its schema says. The same values every time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from my_app.route import Route
from my_app.table import ROUTES
from tests.attacks.conftest import Target

EXAMPLES = 12
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


@pytest.mark.parametrize("route", [route for route in ROUTES if route.name not in ENDLESS], ids=lambda r: r.name)
def test_every_answer_is_as_described(described: Any, route: Route) -> None:
    operation = described[route.path.replace(":.+", "")][route.method]

    @QUIET
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        if isinstance(case.body, dict) and "enable_streaming" in case.body:
            case.body = {**case.body, "enable_streaming": False}  # who waits for a run that is held waits for ever
        case.call_and_validate(checks=CHECKS, headers={"Prefer": "respond-async"}, timeout=60)

    ask()
