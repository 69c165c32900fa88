from __future__ import annotations

import pytest
from pydantic import ValidationError

from devserver.model.kept import EventData, Kept


class Song(Kept):
    title: str = ""
    schema_: str = "plain"


def test_what_was_never_set_is_not_written_and_what_another_version_set_is_kept() -> None:
    for written in ({}, {"title": ""}, {"title": "x", "of_another_version": {"a": [1, None]}}):
        assert Song.model_validate(written).as_json() == written


def test_what_is_kept_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(Song(title="x"), "title", "y")  # noqa: B010 - so that the types do not refuse it first


def test_an_event_says_of_which_kind_its_data_are() -> None:
    class Opened(EventData):
        KIND = "gate.opened"

    assert (Opened().event_kind, Opened().as_json()) == ("gate.opened", {})
