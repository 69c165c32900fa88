"""What views return, made into answers."""

from __future__ import annotations

import json

from my_app.views.replies import render
from my_app.views.route import Route
from my_app.views.shapes import Remark
from my_app.views.signature import Reply


def view() -> None:
    """Nothing; the route alone is looked at."""


ROUTE = Route("GET", "/x", view, "x", statuses=(202, 404))


def test_a_plain_value_has_the_usual_status_of_its_route() -> None:
    status, headers, body = render(ROUTE, {"a": 1}, "")
    assert (status, headers["Content-Type"], json.loads(body)) == (202, "application/json", {"a": 1})


def test_a_reply_says_its_status_and_headers_and_a_location_lies_below_the_prefix() -> None:
    status, headers, body = render(ROUTE, Reply(None, status=303, headers={"Location": "/api/runs"}), "/studio")
    assert (status, headers["Location"], body) == (303, "/studio/api/runs", b"")
    assert "Content-Type" not in headers


def test_of_a_model_what_was_not_set_is_left_out_also_in_a_list() -> None:
    remark = Remark(code="clipped", message="It is clipped.")
    for result, read in ((remark, {"code": "clipped", "message": "It is clipped."}), ([remark], None)):
        body = json.loads(render(ROUTE, result, "")[2])
        assert body == (read or [{"code": "clipped", "message": "It is clipped."}])
