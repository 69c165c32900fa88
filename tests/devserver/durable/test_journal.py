from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.durable.journal import Journal
from devserver.errors import Fenced
from devserver.events import Bus, Event
from tests.devserver.plans import RUN_ID, add_run


def test_a_run_goes_from_queued_to_its_end_and_every_step_is_an_event(journal: Journal) -> None:
    place = add_run(journal)
    journal.end_run(place, "success", "2024-01-31T23:59:59.999Z", None)
    assert [event.kind for event in journal.events_after(0)] == ["run.queued", "run.started", "run.ended"]
    row = journal.run(RUN_ID)
    assert row is not None
    assert row.ended
    assert journal.unfinished() == []


def test_a_second_walk_fences_off_the_first(journal: Journal) -> None:
    first = add_run(journal)
    journal.begin_run(RUN_ID)
    with pytest.raises(Fenced):
        journal.begin(replace(first, stage="generation"))
    with pytest.raises(Fenced):
        journal.end_run(first, "success", "2024-01-31T23:59:59.999Z", None)


def test_an_ended_run_is_not_begun_again(journal: Journal) -> None:
    place = add_run(journal)
    journal.end_run(place, "failed", "2024-01-31T23:59:59.999Z", {"code": "x"})
    with pytest.raises(Fenced):
        journal.begin_run(RUN_ID)


def test_a_stage_counts_its_starts_and_an_ended_one_stays_ended(journal: Journal) -> None:
    place = replace(add_run(journal), stage="generation")
    assert journal.begin(place).starts == 1
    assert journal.begin(place).starts == 2
    journal.end(place, "success", {"takes": 1})
    again = journal.begin(place)
    assert (again.state, again.starts, again.result) == ("success", 2, {"takes": 1})


def test_a_clean_stop_is_not_counted(journal: Journal) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.begin(place)
    journal.forgive_starts()
    assert journal.begin(place).starts == 1


def test_an_event_with_the_same_place_kind_and_key_is_stored_once(journal: Journal) -> None:
    place = add_run(journal)
    for _ in range(2):
        journal.add_event(place, "entity", {"filename": "07_output_audio.mp3"}, key="07_output_audio.mp3")
    assert len(journal.events(RUN_ID, "entity")) == 1


def test_results_are_merged(journal: Journal) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    journal.begin(place)
    journal.note(place, {"config_used": "a"})
    journal.end(place, "success", {"cached": False})
    row = journal.stage(place)
    assert row is not None
    assert row.result == {"config_used": "a", "cached": False}


def test_the_newest_attempt_of_a_take_is_found(journal: Journal) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    for attempt in (1, 2):
        journal.begin(replace(place, attempt=attempt), prompt_id=f"p{attempt}")
    last = journal.last_attempt(place)
    assert last is not None
    assert last.prompt_id == "p2"


async def test_listeners_hear_what_is_committed_and_nothing_of_what_is_not(journal: Journal, bus: Bus) -> None:
    place = add_run(journal)
    heard = bus.subscribe(RUN_ID)
    with pytest.raises(Fenced):
        journal.add_event(replace(place, generation=99), "warning", {"code": "lost"})
    journal.add_event(place, "warning", {"code": "kept"})
    event = await asyncio.wait_for(anext(heard), 5)
    assert isinstance(event, Event)
    assert event.data == {"code": "kept"}
    assert event.seq == journal.last_seq()
