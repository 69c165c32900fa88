"""What a route is called and which parameters it has, from its path and its view."""

from __future__ import annotations

import pytest

from devserver.errors import InputError
from my_app.views.route import Route, check_run_id


def one() -> None:
    """A Flask view."""


async def other() -> None:
    """A native view."""


def test_the_parameters_are_those_of_the_path_in_both_routers_words() -> None:
    route = Route("GET", "/api/runs/{run_id}/stems/{name}", one, "runs")
    assert route.parameters == ["run_id", "name"]
    assert route.flask_rule == "/api/runs/<run_id>/stems/<name>"
    assert route.name == "one_by_name"
    assert Route("GET", "/docs/{path:.+}", one, "docs").parameters == ["path"]


def test_a_view_that_may_wait_is_native() -> None:
    assert [Route("GET", "/", view, "x").native for view in (one, other)] == [False, True]


def test_a_view_without_arguments_has_no_body_and_no_query() -> None:
    route = Route("GET", "/", one, "x")
    assert (route.body, route.queries) == (None, ())


@pytest.mark.parametrize("run_id", ["", "x", "../x", "20240131-000000-0000000", "20240131-000000-00000000/x"])
def test_what_has_not_the_shape_of_a_run_id_is_no_run(run_id: str) -> None:
    with pytest.raises(InputError) as wrong:
        check_run_id(run_id)
    assert (wrong.value.status, wrong.value.field, wrong.value.value) == (404, "run_id", run_id)
    assert check_run_id("20240131-000000-00000000") == "20240131-000000-00000000"
