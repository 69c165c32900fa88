"""Shapes of answers: what an event must say, and what a client may find beside it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from my_app.views.shapes import RUN_FAILURES, RUN_STATUSES, Event, Remark

EVENT: dict[str, Any] = {
    "seq": None,
    "run_id": None,
    "stage": "",
    "take": 0,
    "attempt": 0,
    "at": "2024-01-31T23:59:59Z",
}
EVENT |= {"kind": "server.stopping", "data": {}}


def test_an_event_of_the_server_has_no_run_and_one_that_is_not_stored_no_number() -> None:
    assert (Event(**EVENT).seq, Event(**EVENT).run_id) == (None, None)


@pytest.mark.parametrize("name", EVENT)
def test_an_event_says_everything(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Event(**{key: value for key, value in EVENT.items() if key != name})


@pytest.mark.parametrize("name", ["take", "attempt"])
def test_nothing_is_counted_below_0(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Event(**{**EVENT, name: -1})


def test_a_later_version_may_say_more_and_what_is_said_stays() -> None:
    remark = Remark.model_validate({"code": "clipped", "message": "It is clipped.", "peak_db": 0.1})
    assert remark.model_dump()["peak_db"] == 0.1
    with pytest.raises(ValidationError, match="frozen"):
        remark.code = "other"  # type: ignore[misc] # that it cannot be set is what is tried


def test_a_run_is_answered_at_its_end_or_on_its_way_and_its_failures_have_its_shape() -> None:
    assert RUN_STATUSES == (200, 202)
    assert sorted(RUN_FAILURES) == [403, 409, 500, 502, 504, 507]
