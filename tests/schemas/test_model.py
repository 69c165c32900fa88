"""Definitions as objects: short forms, defaults, and what a chunk says of its files."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import ParameterError
from schemas.model import GraphChunk, Output, OutputConfig, Parameter, Target
from schemas.nodes import NodeTable
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write

WORDS = {"en": "x", "de": "x"}


@cases("model")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def parameter(**fields: Any) -> Parameter:
    return Parameter.model_validate({"name": "p", "description": WORDS, "sets": ["1.p"], **fields})


def chunk(*outputs: dict[str, Any], **parameters: dict[str, Any]) -> GraphChunk:
    known = {name: {"description": WORDS, "sets": [f"1.{name}"], **fields} for name, fields in parameters.items()}
    content = {"name": "c", "kind": "graph", "description": WORDS, "graph": "g", "parameters": known}
    return GraphChunk.model_validate({**content, "outputs": outputs})


@pytest.mark.parametrize(
    ("written", "target"),
    [
        ("17.seconds", Target(node="17", input="seconds")),
        ("17.model.name", Target(node="17", input="model.name")),  # an input's own name may hold dots
        ({"node": 17, "input": "x"}, Target(node="17", input="x")),
    ],
)
def test_a_target_is_a_node_and_the_rest_is_its_input(written: object, target: Target) -> None:
    assert parameter(type="text", sets=[written]).sets == (target,)


def test_a_whole_number_stays_one() -> None:
    read = parameter(type="int", min=1, max=2.5, step=1)
    assert [type(value) for value in (read.min, read.max, read.step)] == [int, float, int]


@pytest.mark.parametrize("bound", [True, "1", float("nan"), None])
def test_a_bound_is_a_number(bound: object) -> None:
    with pytest.raises(ValidationError):
        parameter(type="int", min=bound, max=2)


def test_a_seed_may_have_a_range_and_be_random() -> None:
    assert parameter(type="seed", default="random").default == "random"
    assert parameter(type="seed", min=1, max=9, default=9).default == 9
    with pytest.raises(ValidationError, match="from 1 to 9"):
        parameter(type="seed", min=1, max=9, default=10)


def test_a_default_is_kept_as_a_value_of_the_type() -> None:
    default = parameter(type="float", min=0, max=9, default=3).default
    assert (default, type(default)) == (3.0, float)


def test_a_value_that_is_not_allowed_names_the_parameter() -> None:
    with pytest.raises(ParameterError) as wrong:
        parameter(type="int", min=1, max=9, unit="steps").read(0)
    error = wrong.value
    assert (error.field, error.value, error.allowed) == ("p", 0, "a whole number from 1 to 9 steps")
    assert error.message == "p must be a whole number from 1 to 9 steps; not 0"


def test_a_file_belongs_to_the_output_that_names_its_list_and_else_to_the_one_that_names_none() -> None:
    rest = {"node": "1", "media": "audio", "format": "flac"}
    read = chunk(rest, {**rest, "key": "stems", "role": "stem"}, {**rest, "node": "2", "role": "mix"})
    found = [
        [
            (node, key)
            for node, key in (("1", "audio"), ("1", "stems"), ("2", "stems"))
            if read.files_of(each)(node, key)
        ]
        for each in read.outputs
    ]
    assert found == [[("1", "audio")], [("1", "stems")], [("2", "stems")]]


def test_the_main_output_goes_before_a_cover_wherever_it_stands() -> None:
    cover = {"node": "1", "media": "image", "format": "png", "role": "cover"}
    main = {"node": "2", "media": "audio", "format": "flac"}
    roles = [
        made.main.role if made.main else None
        for made in (chunk(cover, main), chunk(cover), chunk({**main, "role": "midi"}))
    ]
    assert roles == ["main", "cover", None]


def test_a_format_is_fixed_or_a_choice_with_the_usual_one_first() -> None:
    kinds = {"type": "choice", "choices": ["flac", "mp3"], "default": "mp3"}
    save = {"node": "3", "media": "audio"}
    read = chunk({**save, "format": "$format"}, {**save, "format": "wav", "role": "mix"}, format=kinds)
    assert [read.formats(output) for output in read.outputs] == [("mp3", "flac"), ("wav",)]
    assert Output.model_validate({**save, "format": "$format"}).format_parameter == "format"


def test_the_seeds_of_a_chunk_are_known_by_their_type() -> None:
    save = {"node": "3", "media": "audio", "format": "wav"}
    assert chunk(save, seed={"type": "text"}, start={"type": "seed"}).seeds == ("start",)


def test_a_preset_lies_over_the_values_and_an_unknown_one_changes_nothing() -> None:
    config = OutputConfig.model_validate(
        {
            "name": "o", "label": WORDS, "description": WORDS, "pipeline": "p", "chunk": "c", "run_timeout_s": 1,
            "values": {"steps": 33, "cfg": 4}, "presets": {"draft": {"steps": 12}},
        }
    )  # fmt: skip
    assert config.values_with("draft") == {"steps": 12, "cfg": 4}
    assert config.values_with("drift") == config.values_with(None) == {"steps": 33, "cfg": 4}
