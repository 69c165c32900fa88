"""What a stage is handed: it reads what it has written, and writes in the name of its generation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from devserver.errors import Fenced
from devserver.errors.sentences import say
from devserver.model.rows import Place
from devserver.stages.walk import Walk
from tests.devserver.plans import RUN_ID


def test_a_place_is_one_of_this_generation(walk: Walk) -> None:
    assert walk.place("generation", 2, 3) == Place(RUN_ID, walk.run.generation, "generation", 2, 3)


async def test_a_warning_is_told_once_for_its_stage_with_its_values(walk: Walk) -> None:
    for attempt in (1, 2):
        await walk.warn(walk.place("generation", 1, attempt), say("input_not_kept", file="f"), code="lost", asked="a")
    (warning,) = await walk.read(lambda reading: reading.warnings(RUN_ID))
    said = {"message": "The input file f is no longer kept here.", "message_code": "input_not_kept"}
    assert warning.as_json() == {
        "stage": "generation",
        "code": "lost",
        "asked": "a",
        **said,
        "values": {"file": "f"},
    }


async def test_a_package_may_warn_in_its_own_words(walk: Walk) -> None:
    await walk.warn(walk.place("generation"), "It rains.", code="rain")
    (warning,) = await walk.read(lambda reading: reading.warnings(RUN_ID))
    assert (warning.code, warning.message_code, warning.message, warning.values) == ("rain", "rain", "It rains.", {})


async def test_what_was_written_a_moment_ago_is_read(walk: Walk) -> None:
    walk.ledger.later(lambda writing: writing.begin_stage(walk.place("generation")))
    assert walk.ledger.waits
    row = await walk.read(lambda reading: reading.stage(walk.place("generation")))
    assert row is not None
    assert not walk.ledger.waits


def test_a_stage_begins_for_the_first_time_only_in_the_first_walk_and_once(walk: Walk) -> None:
    place = walk.place("generation")
    assert [walk.is_first(place), walk.is_first(place), walk.is_first(walk.place("other"))] == [True, False, True]
    later = Walk(replace(walk.run, generation=2), walk.plan, walk.tools, walk.cancelled)
    assert not later.is_first(later.place("generation"))
    assert (walk.may_have_more("generation"), later.may_have_more("generation")) == (False, True)


async def test_a_file_is_listed_as_it_was_written(walk: Walk) -> None:
    await walk.keep_text("interception", "txt", "Grüße")
    await walk.keep_text("interception", "json", {"a": 1})
    entities = await walk.read(lambda reading: reading.entities(RUN_ID))
    data, text = (entity for entity in entities if entity.stage == "interception")
    folder = walk.tools.exports.folder(RUN_ID)
    written = (folder / text.filename).read_bytes()
    assert (text.filename, written.decode(), text.bytes) == ("04_interception.txt", "Grüße", len(written))
    assert text.sha256 == hashlib.sha256(written).hexdigest()
    assert json.loads((folder / data.filename).read_text()) == {"a": 1}
    assert (text.mime, data.mime) == ("text/plain; charset=utf-8", "application/json")


async def test_a_take_that_was_added_is_in_the_journal_before_its_stage_runs_again(walk: Walk) -> None:
    seen: list[object] = []

    async def run(stage: str) -> None:
        row = await walk.read(lambda reading: reading.stage(walk.place(stage, 2)))
        seen.append(row and row.result.as_json())

    walk.run_again = run
    await walk.add_take("generation", 2, {"seconds": 2})
    assert seen == [{"changes": {"seconds": 2}}]
    assert walk.may_have_more("generation")
    with pytest.raises(LookupError, match="nobody runs the stage x"):
        await Walk(walk.run, walk.plan, walk.tools, walk.cancelled).run_again("x")


async def test_a_walk_that_has_lost_its_run_lists_nothing(walk: Walk) -> None:
    await walk.tools.journal.begin_run(RUN_ID)
    with pytest.raises(Fenced):
        await walk.warn(walk.place("generation"), "y", code="x")
    walk.ledger.close()
