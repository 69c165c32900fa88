"""Entities are read and written without a change, also those of other versions."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from devserver.model.entity import Entity, text_entity

STORED = {
    "number": 7,
    "type": "output_audio",
    "media": "audio",
    "stage": "generation",
    "take": 1,
    "name": "",
    "role": "main",
    "filename": "07_output_audio.mp3",
    "bytes": 5,
    "sha256": "0" * 64,
    "mime": "audio/mpeg",
    "facts": {"seconds": 1.5, "codec": None, "of_another_version": [1, {"x": None}]},
    "loved": True,
}


def test_what_is_read_is_written_as_it_was() -> None:
    assert Entity.model_validate(STORED).as_json() == STORED


def test_what_an_older_version_did_not_write_has_a_default_and_stays_unwritten() -> None:
    older = {name: value for name, value in STORED.items() if name not in ("name", "facts", "loved")}
    entity = Entity.model_validate(older)
    assert (entity.name, entity.facts, entity.collected, entity.is_main) == ("", None, None, True)
    assert entity.as_json() == older


def test_a_file_that_nobody_can_name_is_refused() -> None:
    with pytest.raises(ValidationError, match="filename"):
        Entity.model_validate({name: value for name, value in STORED.items() if name != "filename"})


def test_a_text_of_the_server_is_described_by_its_content() -> None:
    entity = text_entity("04_interception.txt", b"rain", number=4, type="interception", stage="interception")
    assert (entity.media, entity.role, entity.bytes, entity.mime) == ("file", "data", 4, "text/plain; charset=utf-8")
    assert text_entity("01_config.json", b"{}", number=1, type="config").mime == "application/json"
    assert "facts" not in entity.as_json()
