from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.writing import Writing, Written
from devserver.errors import Fenced
from devserver.model.events import Event, RunWarning
from devserver.system.clock import Clock
from tests.devserver.plans import AT, RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce
from tests.patience import PATIENCE_S


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


async def test_an_own_run_that_goes_on_is_not_looked_up_and_one_that_has_ended_is(
    journal: JournalAtOnce, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = add_run(journal)
    with monkeypatch.context() as patched:
        patched.setattr(database, "read", None)
        assert not await journal.journal.has_ended(RUN_ID)
    journal.end_run(place, "success", AT, None)
    assert await journal.journal.has_ended(RUN_ID)
