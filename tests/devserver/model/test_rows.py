from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from devserver.model.rows import ENDED, RunRow, RunState, seconds_between

ROW = RunRow("r", "local", "queued", "2024", None, None, "x", "plain", "o", "{}", None, 1, cancel=False)
NOON, LATER = "2024-01-31T12:00:00.000Z", "2024-01-31T12:00:01.250Z"


def test_a_run_has_ended_in_every_state_but_the_two_that_a_start_takes_up_again() -> None:
    assert {*get_args(RunState)} - {*ENDED} == {"queued", "running"}
    assert [replace(ROW, state=state).ended for state in get_args(RunState)] == [False] * 2 + [True] * 4


@pytest.mark.parametrize(
    ("start_at", "end_at", "seconds"),
    [
        (NOON, LATER, 1.25),
        (LATER, NOON, 0.0),  # the clock was set back meanwhile
        (NOON, "2024-01-31T13:00:00+01:00", 0.0),
        (None, LATER, None),
        (NOON, None, None),
    ],
)
def test_seconds_between_two_stamps_are_never_negative(
    start_at: str | None, end_at: str | None, seconds: float | None
) -> None:
    assert seconds_between(start_at, end_at) == seconds
