"""A run again is made by the config and the chunk that made it the first time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.definitions.current import Definitions
from devserver.durable.database import Database
from devserver.durable.reading import Reading
from devserver.errors import InputError
from devserver.files.exports import Exports
from devserver.model.plan import Definition
from devserver.model.results import TakeResult
from devserver.runs.rerun import plan_again
from devserver.stages.kinds import KINDS
from tests.devserver.plans import AT, RUN_ID, add_run, plan
from tests.doubles.at_once import JournalAtOnce, write


def test_the_variant_that_was_used_is_used_again(
    definitions: Definitions, exports: Exports, journal: JournalAtOnce, database: Database
) -> None:
    first = plan(definitions, exports, database, output_config="musicgen", preset="best")
    assert len(first.outputs[0].options) > 3
    place = replace(add_run(journal), stage=first.main_stage, take=1)
    journal.begin_take(place)
    journal.note(place, TakeResult(config_used="musicgen", variant="musicgen_prompt"))
    row = journal.run(RUN_ID)
    assert row is not None
    row = replace(row, plan=first.model_dump_json(by_alias=True))
    new = {"run_id": "other", "user_id": "local", "created_at": AT}
    again = write(database, lambda tx: plan_again(Reading(tx), row, KINDS, **new))
    (option,) = again.outputs[0].options
    assert option.key == ("musicgen", "musicgen_prompt")
    assert (again.preset, option.preset, option.takes[0]["model"]) == ("best", "best", "large")


def test_a_run_whose_second_graph_stage_ran_something_else_is_not_made_again(
    definitions: Definitions, exports: Exports, journal: JournalAtOnce, database: Database
) -> None:
    first = plan(definitions, exports, database, output_config="silence_mp3")
    second = {"name": "cover", "kind": "graph", "chunk": "cover_image"}
    kept = tuple(
        entry.model_copy(update={"content": {**entry.content, "stages": [*stages_of(entry), second]}})
        if entry.kind == "pipeline"
        else entry
        for entry in first.definitions
    )
    add_run(journal)
    row = journal.run(RUN_ID)
    assert row is not None
    ran = first.steps[-1][0].model_copy(update={"name": "cover"})  # what an earlier version planned for it
    update = {"definitions": kept, "steps": (*first.steps, (ran,))}
    row = replace(row, plan=first.model_copy(update=update).model_dump_json(by_alias=True))
    with pytest.raises(InputError, match="stage cover ran silence_mp3 again instead of cover_image"):
        write(database, lambda tx: plan_again(Reading(tx), row, KINDS, run_id="other", user_id="local", created_at=AT))


def stages_of(pipeline: Definition) -> list[object]:
    stages = pipeline.content["stages"]
    assert isinstance(stages, list)
    return stages
