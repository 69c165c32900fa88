"""What a take reads of earlier stages: the same take of several, the only one of one, and never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from devserver.errors import StageError
from devserver.model.entity import Entity
from devserver.stages.inputs import Inputs, RunFile
from schemas.pipeline import Input, Reference
from tests.doubles.entities import make_entity

REFERENCE: TypeAdapter[Reference] = TypeAdapter(Input)
FOLDER = Path("/exports/run")
TAKES = [make_entity("07_a.mp3", sha256="a"), make_entity("08_b.mp3", sha256="b", take=2, role="take")]
STEMS = [make_entity(f"09_{name}.flac", role="stem", name=name, sha256=name) for name in ("bass", "drums")]


def inputs(entities: list[Entity], texts: Mapping[str, str] | None = None, **references: str) -> Inputs:
    read = {name: REFERENCE.validate_python(reference) for name, reference in references.items()}
    return Inputs(read, entities, texts or {}, FOLDER)


def test_each_take_reads_the_same_take_of_a_source_that_has_several() -> None:
    found = [inputs(TAKES, sound="generation.main").of_take(take)["sound"] for take in (1, 2)]
    assert found == [
        RunFile("generation.main.1", FOLDER / "07_a.mp3", "a"),
        RunFile("generation.main.2", FOLDER / "08_b.mp3", "b"),
    ]


def test_every_take_reads_the_only_one_of_a_source_that_has_one() -> None:
    label = {inputs(TAKES[:1], sound="generation.main").of_take(take)["sound"] for take in (1, 2, 9)}
    assert label == {RunFile("generation.main", FOLDER / "07_a.mp3", "a")}


def test_a_file_among_several_of_a_role_is_read_by_its_name_alone() -> None:
    found = inputs(STEMS, stem="generation.stem.drums").of_take(1)["stem"]
    assert isinstance(found, RunFile)
    assert (found.label, found.sha256) == ("generation.stem.drums", "drums")
    with pytest.raises(StageError, match=r"several generation.stem: name one of .*bass, .*drums"):
        inputs(STEMS, stem="generation.stem").of_take(1)


@pytest.mark.parametrize("reference", ["generation.main", "other.main", "generation.stem.flute", "interception.text"])
def test_what_was_not_made_is_named(reference: str) -> None:
    with pytest.raises(StageError, match="made no") as caught:
        inputs(STEMS, x=reference).of_take(1)
    assert (caught.value.code, caught.value.status) == ("input_missing", 500)


def test_a_text_is_the_one_that_its_stage_has_left_also_where_it_is_empty() -> None:
    texts = {"interception": "", "translation": "y"}
    assert inputs([], texts, a="interception.text", b="translation.text").of_take(3) == {"a": "", "b": "y"}


def test_a_file_has_a_name_by_its_content_at_backends() -> None:
    file = RunFile("generation.main", FOLDER / "07_a.mp3", "0f")
    assert (file.name, file.ext, file.as_value()) == ("0f.mp3", "mp3", {"sha256": "0f", "ext": "mp3"})
