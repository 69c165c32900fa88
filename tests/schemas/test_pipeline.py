"""A pipeline's stages: what they read from each other, and how often each runs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.nodes import NodeTable
from schemas.pipeline import Input, Pipeline, Reference
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write

WORDS = {"en": "x", "de": "x"}
READ: TypeAdapter[Reference] = TypeAdapter(Input)


@cases("pipeline")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def pipeline(*stages: dict[str, Any]) -> Pipeline:
    content = {"name": "p", "label": WORDS, "description": WORDS, "defaults": {"schema": "plain"}}
    return Pipeline.model_validate({**content, "stages": stages})


def graph(name: str, *sources: str, **more: Any) -> dict[str, Any]:
    inputs = {f"from_{source}": f"{source}.main" for source in sources}
    return {"name": name, "kind": "graph", "chunk": "c", "inputs": inputs, **more}


@pytest.mark.parametrize("written", ["safety.text", "generation.main", "parts.stem.drums"])
def test_a_reference_is_written_as_it_is_read(written: str) -> None:
    read = READ.validate_python(written)
    assert (str(read), READ.dump_python(read, mode="json")) == (written, written)


@pytest.mark.parametrize("written", ["", "generation", "generation.", "safety.text.en", ".main", "a.mian", "a.stem.No"])
def test_a_reference_that_names_no_result_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        READ.validate_python(written)


def test_takes_go_along_what_is_read_and_a_stages_own_number_stops_them() -> None:
    read = pipeline(
        graph("make", takes=3), graph("cover"), graph("master", "make", "cover"), graph("film", "master"),
        graph("best", "film", takes=1), graph("last", "best"),
    )  # fmt: skip
    assert [read.takes_of(stage) for stage in read.stages] == [3, 1, 3, 3, 1, 1]


def test_a_stage_that_reads_from_a_later_one_gets_none_of_its_takes() -> None:
    read = pipeline(graph("early", "late"), graph("late", takes=2))
    assert read.takes_of(read.stages[0]) == 1


@pytest.mark.parametrize("takes", [0, 17, True, "2", 1.0])
def test_a_number_of_takes_is_from_one_to_sixteen(takes: object) -> None:
    with pytest.raises(ValidationError):
        pipeline(graph("make", takes=takes))
    assert pipeline(graph("make", takes=16)).stages[0].takes == 16


def test_whatever_follows_the_output_stage_runs_for_each_output() -> None:
    read = pipeline(
        graph("cover"), graph("generation", chunk="$output"), graph("master", "generation"), graph("film", "master"),
        graph("print", "cover"),
    )  # fmt: skip
    assert read.repeated == {"generation", "master", "film"}
    assert read.output_stage is read.stages[1]
    assert pipeline(graph("cover")).output_stage is None
