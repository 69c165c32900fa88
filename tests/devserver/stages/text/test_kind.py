from __future__ import annotations

from typing import Any

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.files.exports import Exports
from devserver.model.plan import StagePlan
from devserver.model.results import TextResult
from devserver.stages.inputs import Inputs
from devserver.stages.text.kind import STEPS, TextKind
from devserver.stages.walk import Walk
from tests.devserver.plans import plan

GERMAN = {"output_config": "silence_mp3"}
ENGLISH = {"output_config": "musicgen"}


def stages(definitions: Definitions, exports: Exports, database: Database, **body: Any) -> dict[str, StagePlan]:
    made = plan(definitions, exports, database, **body)
    return {stage.name: stage for stage in made.stages if stage.kind == "text"}


@pytest.mark.parametrize(
    ("body", "skipped"),
    [
        ({**GERMAN, "safety_level": "kids"}, ["translation"]),
        (GERMAN, ["safety_input", "translation", "safety_output"]),
        ({**ENGLISH, "safety_level": "kids"}, []),
        ({"output_config": ["silence_mp3", "musicgen"], "safety_level": "kids"}, []),
    ],
)
def test_a_stage_that_has_nothing_to_do_is_left_out_from_the_start(
    definitions: Definitions, exports: Exports, database: Database, body: dict[str, Any], skipped: list[str]
) -> None:
    found = stages(definitions, exports, database, **body)
    assert [name for name, stage in found.items() if stage.skip] == skipped


def test_a_safety_stage_checks_the_text_and_the_others_change_it(
    definitions: Definitions, exports: Exports, database: Database
) -> None:
    on_text = [stage.on_text for stage in stages(definitions, exports, database, **GERMAN).values()]
    assert on_text == ["checks", "changes", "changes", "checks"]
    assert TextKind.counts_stops


async def test_a_stage_runs_the_step_of_the_chunk_that_it_was_planned_with(walk: Walk) -> None:
    stage = next(stage for stage in walk.plan.stages if stage.name == "interception")
    walk.text = "x y"
    result = await TextKind().run(walk, stage, Inputs({}, [], {}, walk.tools.exports.root))
    assert isinstance(result, TextResult)
    assert (result.text, result.rule) == ("x y", "plain")
    assert STEPS.keys() == {"safety", "interception", "translation"}
