"""What an editor knows of a definition file is what the reader takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from schemas.editors import SCHEMA_FILES, editor_schemas
from schemas.loader import FOLDERS
from schemas.sources import Source, read_source
from tests.schemas.conftest import SHIPPED

SCHEMAS = editor_schemas()
FILES = [(kind, path) for kind, place in SCHEMA_FILES.items() for path in sorted((SHIPPED / place).glob("*.yaml"))]


@pytest.mark.parametrize(("kind", "path"), FILES, ids=lambda value: value.stem if isinstance(value, Path) else value)
def test_every_shipped_file_fits(kind: str, path: Path) -> None:
    source = read_source(kind, path, path.name)
    assert isinstance(source, Source)
    Draft7Validator(SCHEMAS[kind]).validate(source.content)


def test_each_kind_has_the_folder_that_the_loader_reads() -> None:
    assert {kind: FOLDERS[kind][0] for kind in SCHEMAS} == dict(SCHEMA_FILES)


CHUNK = {
    "kind": "graph",
    "description": {"en": "x", "de": "x"},
    "graph": "g",
    "parameters": {"p": {"type": "text", "description": {"en": "x", "de": "x"}, "sets": ["17.p"]}},
    "outputs": [{"node": 3, "media": "audio", "format": "mp3"}],
}


def test_a_node_may_be_a_number_and_a_target_has_a_short_form() -> None:
    assert Draft7Validator(SCHEMAS["chunk"]).is_valid(CHUNK)


@pytest.mark.parametrize(
    "wrong", [{"name": "c"}, {"outputs": []}, {"kind": "graf"}, {"parameters": {"p": {"type": "text"}}}, {"graph": 1}]
)
def test_what_the_reader_refuses_an_editor_marks(wrong: dict[str, object]) -> None:
    assert not Draft7Validator(SCHEMAS["chunk"]).is_valid({**CHUNK, **wrong})
