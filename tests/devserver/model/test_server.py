"""What listeners are told of the server: the kinds of its events, and lengths that cannot be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from devserver.model.events import KINDS
from devserver.model.server import BackendState, DefinitionsState, QueueLength, QueueState, RunPlace, TimeLeft


def test_a_runs_place_and_the_queue_are_one_kind_of_event_that_is_read_as_the_queue() -> None:
    kinds = [BackendState(name="gpu"), QueueState(), RunPlace(), DefinitionsState()]
    assert [one.event_kind for one in kinds] == ["backend", "queue", "queue", "definitions"]
    assert KINDS["queue"] is QueueState


def test_a_place_that_is_not_known_is_told_as_null() -> None:
    assert RunPlace(queue=None, eta=None).as_json() == {"queue": None, "eta": None}


def test_nothing_is_shorter_than_nothing() -> None:
    with pytest.raises(ValidationError):
        QueueLength(name="gpu", held=-1, waiting=0)
    with pytest.raises(ValidationError):
        TimeLeft(low_seconds=-1, high_seconds=1, samples=1)
