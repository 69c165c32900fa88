from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from devserver.durable.database import Database
from devserver.errors import Fenced
from devserver.model.events import RunWarning
from devserver.model.failure import Failure
from devserver.model.results import GraphResult, TakeResult
from devserver.model.rows import Place
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce, rows
from tests.doubles.entities import make_entity

AT = "2024-01-31T23:59:59.999Z"
# Everything that a walk writes; each is refused to one that has lost its run.
WRITES: dict[str, Callable[[JournalAtOnce, Place], Any]] = {
    "begin_stage": lambda journal, place: journal.begin_stage(place),
    "begin_take": lambda journal, place: journal.begin_take(replace(place, take=1)),
    "begin_attempt": lambda journal, place: journal.begin_attempt(replace(place, take=1, attempt=1)),
    "skip": lambda journal, place: journal.skip(place, "nothing to do"),
    "end": lambda journal, place: journal.end(place, "success"),
    "note": lambda journal, place: journal.note(place, TakeResult(config_used="a")),
    "keep_worked": lambda journal, place: journal.keep_worked(place, 1.0),
    "mark": lambda journal, place: journal.mark(place, "p"),
    "add_event": lambda journal, place: journal.add_event(place, RunWarning(code="x"), "x"),
    "end_run": lambda journal, place: journal.end_run(place, "success", AT, None),
}


def test_a_run_goes_from_queued_to_its_end_and_every_step_is_an_event(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    journal.end_run(place, "success", AT, None)
    assert [event.kind for event in journal.events_after(0)] == ["run.queued", "run.started", "run.ended"]
    row = journal.run(RUN_ID)
    assert row is not None
    assert row.ended
    assert journal.unfinished() == []


def test_a_second_walk_fences_off_the_first(journal: JournalAtOnce) -> None:
    first = add_run(journal)
    journal.begin_run(RUN_ID)
    with pytest.raises(Fenced):
        journal.begin_stage(replace(first, stage="generation"))
    with pytest.raises(Fenced):
        journal.end_run(first, "success", AT, None)


def test_an_ended_run_is_not_begun_again(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    journal.end_run(place, "failed", AT, Failure(code="x"))
    with pytest.raises(Fenced):
        journal.begin_run(RUN_ID)


def test_an_ended_stage_stays_ended(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.begin_stage(place)
    journal.end(place, "success", GraphResult(takes=1))
    again = journal.begin_stage(place, at_work=True)
    assert (again.state, again.result.as_json(), again.at_work) == ("success", {"takes": 1}, None)


def test_what_was_never_begun_and_what_has_ended_is_not_ended_again(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.end(place, "cancelled")
    assert journal.stage(place) is None
    journal.begin_stage(place)
    for state in ("success", "cancelled"):
        journal.end(place, state)
    assert journal.stage(place).state == "success"
    assert [event.data.status for event in journal.events(RUN_ID, "stage.ended")] == ["success"]


def test_an_event_with_the_same_place_kind_and_key_is_stored_once(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    for _ in range(2):
        journal.add_event(place, make_entity(), key="07_output_audio.mp3")
    assert len(journal.events(RUN_ID, "entity")) == 1


def test_results_are_merged(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    journal.begin_take(place)
    journal.note(place, TakeResult(config_used="a"))
    journal.end(place, "failed", TakeResult(error=Failure(code="x")))
    row = journal.stage(place)
    assert row is not None
    assert row.result.as_json() == {"config_used": "a", "error": {"code": "x"}}


@pytest.mark.parametrize("name", WRITES)
def test_a_walk_that_has_lost_its_run_writes_nothing(journal: JournalAtOnce, database: Database, name: str) -> None:
    lost = replace(add_run(journal), stage="generation")
    journal.begin_stage(lost)
    journal.begin_run(RUN_ID)
    before = rows(database, "SELECT * FROM stages"), journal.events_after(0), journal.run(RUN_ID)
    with pytest.raises(Fenced):
        WRITES[name](journal, lost)
    assert (rows(database, "SELECT * FROM stages"), journal.events_after(0), journal.run(RUN_ID)) == before


def test_what_is_begun_again_stays_as_it_was_and_keeps_its_number(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation", take=1, attempt=1)
    first = journal.begin_attempt(place, backend="gpu", prompt_id="p1")
    assert journal.begin_attempt(place, backend="cpu", prompt_id="p2") == first
    assert journal.begin_take(replace(place, attempt=0)).number == first.number + 1
    assert len(journal.events(RUN_ID, "attempt.started")) == 1


def test_a_skipped_stage_has_begun_and_ended_once_and_says_why(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="translation")
    for reason in ("no output wants English", "another"):
        journal.skip(place, reason)
    row = journal.stage(place)
    assert (row.state, row.result.as_json()) == ("skipped", {"reason": "no output wants English"})
    assert row.ended_at is not None
    assert [event.data.reason for event in journal.events(RUN_ID, "stage.ended")] == ["no output wants English"]


def test_what_is_noted_goes_on_and_what_has_ended_is_no_longer_at_work(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="safety")
    journal.begin_stage(place, at_work=True)
    journal.note(place, GraphResult(takes=0))
    row = journal.stage(place)
    assert (row.state, row.ended_at, row.at_work) == ("running", None, journal.stops.process)
    journal.end(place, "success")
    assert journal.stage(place).at_work is None


def test_only_a_run_that_has_not_ended_is_cancelled(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    assert journal.ask_cancel(RUN_ID)
    assert journal.run(RUN_ID).cancel
    journal.end_run(place, "cancelled", AT, None)
    assert not journal.ask_cancel(RUN_ID)
    assert not journal.ask_cancel("unknown")


def test_an_accepted_run_lists_the_files_that_it_begins_with(journal: JournalAtOnce) -> None:
    files = [make_entity(name, number=number) for number, name in enumerate(("01_config.json", "02_input.txt"), 1)]
    values: dict[str, Any] = {"user_id": "local", "title": "x", "schema": "plain", "output_config": "o", "plan": "{}"}
    journal.add_run(RUN_ID, entities=files, created_at=AT, **values)
    assert journal.entities(RUN_ID) == files
    assert [event.kind for event in journal.events_after(0)] == ["run.queued", "entity", "entity"]
