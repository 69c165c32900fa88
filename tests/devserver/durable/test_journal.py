from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.writing import Writing, Written
from devserver.errors import Fenced
from devserver.model.events import Event, RunWarning
from devserver.model.failure import Failure
from devserver.model.results import GraphResult, TakeResult
from devserver.model.rows import Place
from devserver.system.clock import Clock
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce, execute
from tests.doubles.entities import make_entity
from tests.patience import PATIENCE_S


def test_a_run_goes_from_queued_to_its_end_and_every_step_is_an_event(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    journal.end_run(place, "success", "2024-01-31T23:59:59.999Z", None)
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
        journal.end_run(first, "success", "2024-01-31T23:59:59.999Z", None)


def test_an_ended_run_is_not_begun_again(journal: JournalAtOnce) -> None:
    place = add_run(journal)
    journal.end_run(place, "failed", "2024-01-31T23:59:59.999Z", Failure(code="x"))
    with pytest.raises(Fenced):
        journal.begin_run(RUN_ID)


def stops(journal: JournalAtOnce, place: Place) -> int:
    found: int = journal.stage(place).stops
    return found


def test_an_ended_stage_stays_ended(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.begin_stage(place)
    journal.end(place, "success", GraphResult(takes=1))
    again = journal.begin_stage(place)
    assert (again.state, again.result.as_json()) == ("success", {"takes": 1})


def begun(journal: JournalAtOnce) -> Place:
    """A take of a run that has an attempt, which waits."""
    take = replace(add_run(journal), stage="generation", take=1)
    journal.begin_stage(replace(take, take=0))
    journal.begin_take(take)
    journal.begin_attempt(replace(take, attempt=1), prompt_id="p1")
    return take


def after_a_kill(database: Database, bus: Bus, take: Place) -> tuple[JournalAtOnce, Place]:
    """The journal as the next process has it, which walks the run again."""
    journal = JournalAtOnce(database, Clock(), bus, "another")
    execute(database, "UPDATE runs SET owner = NULL")
    return journal, replace(take, generation=journal.begin_run(take.run_id).generation)


def test_a_run_that_waits_is_not_counted_however_often_the_server_dies(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    for _ in range(50):
        journal, take = after_a_kill(database, bus, take)
        journal.begin_stage(replace(take, take=0))
        journal.begin_take(take)
    assert stops(journal, replace(take, take=0)) == 0


async def test_a_death_counts_once_for_a_stage_however_many_of_its_takes_were_at_work(
    database: Database, bus: Bus
) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    journal.begin_take(replace(take, take=2))
    journal.begin_attempt(replace(take, take=2, attempt=1), prompt_id="p2")
    journal.mark(replace(take, attempt=1), journal.stops.process)
    await journal.stops.was_running("p2")
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1, "the second death came before anything of it was at work"


def test_a_text_is_at_work_until_its_stage_ends(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    place = replace(add_run(journal), stage="safety")
    journal.begin_stage(place, at_work=True)
    journal, place = after_a_kill(database, bus, place)
    assert journal.begin_stage(place, at_work=True).stops == 1
    journal.end(place, "success")
    journal, place = after_a_kill(database, bus, place)
    assert stops(journal, place) == 1


async def test_a_finished_take_sets_the_count_back(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    await journal.stops.was_running("p1")
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 1
    journal.end(take, "success")
    assert stops(journal, replace(take, take=0)) == 0


async def test_a_clean_stop_is_not_counted(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    take = begun(journal)
    journal.mark(replace(take, attempt=1), journal.stops.process)
    await journal.stops.forgive()
    journal, take = after_a_kill(database, bus, take)
    assert stops(journal, replace(take, take=0)) == 0


def test_a_walk_that_broke_off_is_not_counted_while_its_process_lives(journal: JournalAtOnce) -> None:
    take = begun(journal)
    journal.mark(replace(take, attempt=1), journal.stops.process)
    take = replace(take, generation=journal.begin_run(take.run_id).generation)
    assert stops(journal, replace(take, take=0)) == 0


def test_what_was_never_begun_and_what_has_ended_is_not_ended_again(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.end(place, "cancelled")
    assert journal.stage(place) is None
    journal.begin_stage(place)
    for state in ("success", "cancelled"):
        journal.end(place, state)
    assert journal.stage(place).state == "success"
    assert [event.data.status for event in journal.events(RUN_ID, "stage.ended")] == ["success"]


async def test_several_writes_are_one_commit_and_their_events_come_after_it(database: Database, bus: Bus) -> None:
    journal = JournalAtOnce(database, Clock(), bus)
    place = replace(add_run(journal), stage="generation")
    heard: list[str] = []
    journal.hearers.append(lambda written: heard.append(f"{written.event.kind} {written.row and written.row.state}"))

    def half(writing: Writing) -> None:
        writing.begin_stage(place)
        raise ZeroDivisionError

    def whole(writing: Writing) -> None:
        writing.begin_stage(place)
        writing.end(place, "success")
        assert heard == []

    with pytest.raises(ZeroDivisionError):
        await journal.journal.write(half)
    assert journal.stage(place) is None
    await journal.journal.write(whole)
    assert heard == ["stage.started None", "stage.ended success"]


async def test_a_hearer_that_fails_stops_nothing(journal: JournalAtOnce, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_written: Written) -> None:
        raise ZeroDivisionError

    journal.hearers.append(fail)
    place = add_run(journal)
    await journal.journal.add_event(place, RunWarning(code="x"), "x")
    assert len(journal.events(RUN_ID, "warning")) == 1
    assert "was not heard" in caplog.text


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


def test_the_newest_attempt_of_a_take_is_found(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    for attempt in (1, 2):
        journal.begin_attempt(replace(place, attempt=attempt), prompt_id=f"p{attempt}")
    last = journal.last_attempt(place)
    assert last is not None
    assert last.prompt_id == "p2"


async def test_listeners_hear_what_is_committed_and_nothing_of_what_is_not(journal: JournalAtOnce, bus: Bus) -> None:
    place = add_run(journal)
    heard = bus.subscribe(RUN_ID)
    with pytest.raises(Fenced):
        journal.add_event(replace(place, generation=99), RunWarning(code="lost"))
    journal.add_event(place, RunWarning(code="kept"))
    event = await asyncio.wait_for(anext(heard), PATIENCE_S)
    assert isinstance(event, Event)
    assert event.data == RunWarning(code="kept")
    assert event.seq == journal.last_seq()
