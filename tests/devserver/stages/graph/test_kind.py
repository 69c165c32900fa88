from __future__ import annotations

from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.files.inputs import InputFiles
from devserver.model.plan import StagePlan
from devserver.stages.graph.kind import GraphKind
from devserver.stages.inputs import Inputs
from devserver.stages.kind import Planning
from devserver.stages.planning import parse_request
from devserver.stages.walk import Walk
from schemas.pipeline import Stage


@pytest.fixture
def planning(definitions: Definitions, exports: Exports, database: Database) -> Planning:
    catalog = definitions.catalog
    configs = [catalog.output("silence_mp3"), catalog.output("musicgen")]
    files = InputFiles(exports, database)
    request = parse_request({"input_text": "x"})
    return Planning(request, catalog, catalog.pipeline("text_to_audio"), configs, [None, None], files, 1)


def parameters(planning: Planning, **stage: Any) -> dict[str, bool]:
    made = Stage.model_validate({"name": "s", "kind": "graph", **stage})
    return dict(GraphKind().parameters(made, planning))


def test_values_for_the_outputs_may_leave_out_the_stages_name(planning: Planning) -> None:
    found = parameters(planning, chunk="$output")
    assert {"sample_rate", "quality", "model"} <= found.keys(), "of every output and of every variant"
    assert set(found.values()) == {True}


def test_a_stage_with_a_chunk_of_its_own_is_named_and_what_it_reads_is_not_given(planning: Planning) -> None:
    found = parameters(planning, chunk="mastered_recording", inputs={"audio": "generation.main"})
    assert ("loudness" in found, "audio" in found, set(found.values())) == (True, False, {False})


async def test_a_stage_that_was_planned_without_media_is_a_fault_of_ours(walk: Walk) -> None:
    with pytest.raises(TypeError, match="x makes no media"):
        await GraphKind().run(walk, StagePlan(name="x", kind="graph"), Inputs({}, [], {}, walk.tools.exports.root))
    assert not GraphKind.counts_stops
