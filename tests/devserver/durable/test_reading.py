from __future__ import annotations

from dataclasses import replace

from devserver.durable.database import Database
from devserver.model.events import OtherData, RunWarning
from devserver.model.rows import AttemptRow, Place, StageRow, TakeRow
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce, execute
from tests.doubles.entities import make_entity

OLDER, OLDEST = "20240131-000000-00000002", "20240131-000000-00000001"


def test_runs_that_have_not_ended_are_taken_up_again_the_oldest_first(journal: JournalAtOnce) -> None:
    for run_id, created_at in ((OLDER, "2024-01-31T00:00:01.000Z"), (OLDEST, "2024-01-31T00:00:00.000Z")):
        add_run(journal, run_id, created_at)
    ended = add_run(journal)
    journal.end_run(ended, "failed", "2024-02-01T00:00:00.000Z", None)
    assert journal.unfinished() == [OLDEST, OLDER]
    assert [journal.has_ended(run_id) for run_id in (OLDEST, RUN_ID, "unknown")] == [False, True, False]
    assert (journal.owner(RUN_ID), journal.owner("unknown")) == ("local", None)


def test_a_row_of_the_stages_is_a_stage_a_take_or_an_attempt_in_the_order_in_which_they_began(
    journal: JournalAtOnce,
) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.begin_stage(place)
    journal.begin_take(replace(place, take=1))
    journal.begin_attempt(replace(place, take=1, attempt=1))
    journal.begin_take(replace(place, take=2))
    rows = journal.stages(RUN_ID)
    assert [type(row) for row in rows] == [StageRow, TakeRow, AttemptRow, TakeRow]
    assert [(row.take, row.attempt) for row in rows] == [(0, 0), (1, 0), (1, 1), (2, 0)]


def test_the_newest_attempt_of_a_take_is_found(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    for attempt in (1, 2):
        journal.begin_attempt(replace(place, attempt=attempt), prompt_id=f"p{attempt}")
    last = journal.last_attempt(place)
    assert last is not None
    assert last.prompt_id == "p2"
    assert journal.last_attempt(replace(place, take=2)) is None


def test_events_are_read_from_a_number_on_and_no_more_than_are_asked_for(journal: JournalAtOnce) -> None:
    add_run(journal)
    add_run(journal, OLDER)
    every = journal.events_after(0)
    assert [event.seq for event in every] == sorted({event.seq for event in every})
    assert journal.events_after(every[0].seq, limit=2) == every[1:3]
    assert journal.events_after(0, OLDER) == [event for event in every if event.run_id == OLDER]
    assert journal.last_seq() == every[-1].seq


def test_an_event_of_a_kind_that_this_version_does_not_know_is_read_as_it_is(
    journal: JournalAtOnce, database: Database
) -> None:
    add_run(journal)
    execute(database, "UPDATE events SET kind = 'gate.opened', data = '{\"by\": \"ada\"}' WHERE kind = 'run.started'")
    (event,) = journal.events(RUN_ID, "gate.opened")
    assert isinstance(event.data, OtherData)
    assert (event.kind, event.data.as_json()) == ("gate.opened", {"by": "ada"})


def test_files_are_listed_by_number_and_take_whatever_came_first(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    names = ["08_stem_bass.flac", "07_take_2.mp3", "07_output.mp3"]
    for name in names:
        take = 2 if "take" in name else 1
        entity = make_entity(name, number=int(name[:2]), take=take)
        journal.add_event(replace(place, take=take), entity, key=name)
    assert [entity.filename for entity in journal.entities(RUN_ID)] == names[::-1]


def attempt(place: Place, number: int) -> Place:
    return replace(place, stage="generation", take=1, attempt=number)


def test_the_files_of_a_lost_attempt_give_way_to_those_of_the_one_that_followed(journal: JournalAtOnce) -> None:
    """A server may die after a file was listed and before its attempt has ended, and its backend with it."""
    place = add_run(journal)
    for name in ("07_output_audio.mp3", "07_output_audio.wav"):
        journal.add_event(attempt(place, 1), make_entity(name, sha256="lost"), key=name)
    made = make_entity("07_output_audio.mp3", sha256="made")
    journal.add_event(attempt(place, 2), made, key=made.filename)
    assert journal.entities(RUN_ID) == [made]
    assert journal.entities_of([RUN_ID, OLDER]) == {RUN_ID: [made]}
    assert journal.entities_of([]) == {}


def test_a_warning_is_read_with_its_stage(journal: JournalAtOnce) -> None:
    journal.add_event(replace(add_run(journal), stage="generation"), RunWarning(code="x", message="y"), "x")
    assert [(one.stage, one.code, one.message) for one in journal.warnings(RUN_ID)] == [("generation", "x", "y")]
