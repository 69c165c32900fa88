"""No word of the library reaches a person who got a value wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from config import Settings
from devserver.errors import InputError
from devserver.model.request import ExecuteRequest
from devserver.nodes.prompting.brief import BadValue, BriefValues
from devserver.queueing.queue import MoveRequest
from devserver.stages.planning import parse_request
from schemas.wording import keys_at, requirement

LIBRARYS = re.compile(r"Input |Value error|should|Field required|valid |pydantic|errors\\.")


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, "x", "must be a whole number"),
        (int, 1.5, "must be a whole number"),
        (float, "x", "must be a number"),
        (Annotated[float, Field(allow_inf_nan=False)], float("nan"), "must be a finite number"),
        (bool, "x", "must be true or false"),
        (str, 1, "must be text"),
        (list[int], 1, "must be a list"),
        (tuple[int, ...], 1, "must be a list"),
        (dict[str, int], 1, "must be a mapping"),
        (BriefValues, 1, "must be a mapping"),
        (Path, 1, "must be a path"),
        (None, 1, "must be left out"),
        (Literal["a", "b", "c"], "d", "must be a, b or c"),
        (Annotated[int, Field(ge=1)], 0, "must be at least 1"),
        (Annotated[int, Field(gt=1)], 0, "must be more than 1"),
        (Annotated[int, Field(le=2**63)], 2**64, f"must be at most {2**63}"),
        (Annotated[float, Field(lt=0.5)], 1, "must be less than 0.5"),
        (Annotated[int, Field(multiple_of=8)], 3, "must be a multiple of 8"),
        (Annotated[str, Field(min_length=1)], "", "must not be empty"),
        (Annotated[str, Field(max_length=1)], "ab", "must have at most 1 character"),
        (Annotated[list[int], Field(min_length=1)], [], "must not be empty"),
        (Annotated[list[int], Field(max_length=2)], [1, 2, 3], "must have at most 2 entries"),
        (Annotated[str, Field(pattern="^https?://")], "x", "must begin with http:// or https://"),
        (Annotated[str, Field(pattern="^a+$")], "x", "must fit the pattern ^a+$"),
    ],
)
def test_each_kind_of_fault_has_words_of_ours(kind: Any, value: Any, words: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(kind).validate_python(value)
    assert requirement(wrong.value.errors()[0]) == words


WRONG = [None, 1, 1.5, "x", "", True, [], [1], {}, {"x": 1}, float("nan"), float("inf"), -(10**30), "x" * 30_000, b"x"]


@pytest.mark.parametrize("model", [BriefValues, MoveRequest, Settings])
def test_every_field_of_what_people_write_is_refused_in_words_of_ours(model: type[BaseModel]) -> None:
    for name in model.model_fields:
        for value in WRONG:
            try:
                model.model_validate({name: value})
            except ValidationError as error:
                for fault in error.errors():
                    if fault["type"] != "extra_forbidden":
                        assert not LIBRARYS.search(requirement(fault)), (name, value, fault)


@pytest.mark.parametrize("name", [*(info.alias or name for name, info in ExecuteRequest.model_fields.items()), "sed"])
def test_every_field_of_a_request_is_refused_in_words_of_ours(name: str) -> None:
    refused = []
    for value in WRONG:
        with suppress(InputError):
            parse_request({"input_text": "x", name: value})
            continue
        with pytest.raises(InputError) as wrong:
            parse_request({"input_text": "x", name: value})
        refused.append(wrong.value)
    assert refused
    for error in refused:
        assert error.status in (400, 422)
        assert error.field.startswith(name)
        assert not LIBRARYS.search(f"{error.message} {error.allowed}"), error.message


def test_a_value_of_the_brief_is_refused_in_words_of_ours() -> None:
    with pytest.raises(BadValue) as wrong:
        BriefValues.parse({"bpm": "fast"})
    assert wrong.value.fault is not None
    assert requirement(wrong.value.fault).startswith("must be")


def test_the_keys_at_a_place_are_those_of_its_model() -> None:
    assert "name" in keys_at(Settings, ("backends", 0))
    assert "exports" in keys_at(Settings, ())
    assert keys_at(Settings, ("port",)) == []
