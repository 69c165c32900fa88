"""A record is written as it is read, and says what is wrong with one of another shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from devserver.model.answer import addresses
from devserver.model.record import Record
from devserver.system.atomic import dump
from tests.devserver.plans import AT, RUN_ID
from tests.doubles.entities import make_entity

RECORD: dict[str, Any] = {
    "version": 1,
    "run_id": RUN_ID,
    "user_id": "local",
    "status": "success",
    "title": "Grüße 𝄞",
    "created_at": AT,
    "started_at": AT,
    "ended_at": AT,
    "execution_time": 1e-07,
    "rerun_of": None,
    "request": {"input_text": "x", "params": {"seconds": 30, "share": 0.1, "deep": [{"a": None}]}},
    "resolved": {"schema": "plain", "pipeline": "text_to_audio", "outputs": [], "of_another_version": [1.0]},
    "definitions": [],
    "stages": [
        {"name": "safety_input", "kind": "text", "state": "skipped", "result": {"reason": "safety_level is off"}},
        {"name": "generation", "kind": "graph", "state": "waiting"},
    ],
    "entities": [],
    "measurements": [{"name": "tempo_bpm", "heard": 90.5}],
    "warnings": [{"stage": "", "code": "fallback", "message": "y", "asked": "a"}],
    "error": None,
}


def test_what_is_read_is_written_as_it_was() -> None:
    record = Record.model_validate(RECORD)
    assert record.as_json() == RECORD
    assert json.loads(record.as_file()) == RECORD
    assert record.as_file() == dump(RECORD).replace(b"1e-07", b"1e-7")


def test_a_record_from_before_there_were_measurements_has_none() -> None:
    older = {name: value for name, value in RECORD.items() if name not in ("measurements", "rerun_of", "definitions")}
    assert Record.model_validate(older).measurements == []


@pytest.mark.parametrize("field", ["run_id", "resolved", "stages", "entities"])
def test_what_a_run_cannot_be_read_back_without_is_named(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        Record.model_validate({name: value for name, value in RECORD.items() if name != field})


def test_the_bare_address_serves_the_main_file_and_the_others_have_an_index() -> None:
    draft = make_entity("05_draft.wav", number=5, role="draft")
    files = [draft, make_entity("07_main.mp3"), make_entity("08_cover.png", media="image", role="cover")]
    assert addresses(RUN_ID, files) == {
        "05_draft.wav": f"/api/media/audio/{RUN_ID}/0",
        "07_main.mp3": f"/api/media/audio/{RUN_ID}",
        "08_cover.png": f"/api/media/image/{RUN_ID}",
    }
