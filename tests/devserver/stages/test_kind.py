"""A request on its way to a plan: which stages are run for which output, under which names."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import StagePlan
from devserver.stages.kind import Planning
from devserver.stages.planning import parse_request
from schemas.pipeline import Pipeline

WORDS = {"en": "x", "de": "x"}
STAGES: list[dict[str, Any]] = [
    {"name": "tune", "kind": "graph", "chunk": "procedural_instrumental"},
    {"name": "generation", "kind": "graph", "chunk": "$output", "inputs": {"audio": "tune.main"}},
    {"name": "master", "kind": "graph", "chunk": "mastered_recording", "inputs": {"audio": "generation.main"}},
]


@pytest.fixture
def planning(definitions: Definitions, exports: Exports, database: Database) -> Planning:
    """Two outputs of a pipeline whose last stage reads from them, and whose first does not."""
    about: dict[str, Any] = {"name": "p", "label": WORDS, "description": WORDS, "defaults": {"schema": "plain"}}
    pipeline = Pipeline.model_validate({**about, "stages": STAGES})
    params = {"seconds": 5, "master.loudness": -9, "master_2.loudness": -16}
    request = parse_request({"input_text": "x", "params": params})
    configs = [definitions.catalog.output(name) for name in ("mastered_recording", "silence_mp3")]
    files = InputFiles(exports, database)
    return Planning(request, definitions.catalog, pipeline, configs, [None, None], files, 1)


def test_what_reads_from_the_outputs_is_run_for_each_of_them_and_the_rest_once(planning: Planning) -> None:
    assert [list(planning.numbers_of(stage)) for stage in planning.pipeline.stages] == [[1], [1, 2], [1, 2]]


def test_a_stage_has_its_own_name_for_the_first_output_and_a_number_for_the_others(planning: Planning) -> None:
    names = [planning.name_of(name, number) for name in ("tune", "master") for number in (1, 2)]
    assert names == ["tune", "tune", "master", "master_2"]


def test_a_stage_reads_what_was_made_for_its_own_output(planning: Planning) -> None:
    _, generation, master = planning.pipeline.stages
    assert [str(planning.inputs_of(master, number)["audio"]) for number in (1, 2)] == [
        "generation.main",
        "generation_2.main",
    ]
    assert str(planning.inputs_of(generation, 2)["audio"]) == "tune.main"


def test_values_are_given_to_one_stage_by_its_name_in_the_run(planning: Planning) -> None:
    assert [planning.params_of(name) for name in ("master", "master_2", "tune")] == [
        {"loudness": -9},
        {"loudness": -16},
        {},
    ]
    assert planning.plain_params == {"seconds": 5}


def test_an_earlier_stage_is_found_in_whatever_step_it_is(planning: Planning) -> None:
    one, two = (StagePlan(name=name, kind="graph") for name in ("one", "two"))
    planning.steps += [(one,), (two,)]
    assert planning.planned("two") is two
    with pytest.raises(StopIteration):
        planning.planned("three")
