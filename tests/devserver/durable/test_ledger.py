from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from devserver.durable.journal import Journal
from devserver.durable.ledger import Ledger
from devserver.durable.writing import NewRun, Writing
from devserver.errors import DatabaseGone, Fenced
from devserver.model.events import RunWarning
from devserver.model.rows import Place
from devserver.system.clock import Clock
from tests.devserver.plans import add_a_run
from tests.doubles.at_once import JournalAtOnce
from tests.patience import PATIENCE_S


class Clocked(Clock):
    """A clock that says when things happen."""

    said = "2024-01-31T23:59:59.000Z"

    def stamp(self) -> str:
        return self.said


@pytest.fixture
def clock() -> Clocked:
    return Clocked()


@pytest.fixture
def ledger(journal: JournalAtOnce, clock: Clocked) -> Ledger:
    return Ledger(journal.journal, clock)


def warning(place: Place, code: str) -> Callable[[Writing], None]:
    return lambda writing: writing.add_event(place, RunWarning(code=code), code)


async def codes(journal: Journal, place: Place) -> list[tuple[str, str]]:
    """Code and time of each warning that is in the journal, in their order."""
    events = await journal.read(lambda reading: reading.events(place.run_id, "warning"))
    return [(event.data.code, event.at) for event in events if isinstance(event.data, RunWarning)]


async def test_what_happens_within_a_moment_is_one_commit_in_its_order_with_its_times(
    ledger: Ledger, journal: JournalAtOnce, clock: Clocked, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await add_a_run(journal.journal)
    commits: list[int] = []
    monkeypatch.setattr(journal.journal, "publish", lambda written: commits.append(len(written)))
    followed: list[str] = []
    ledger.later(warning(place, "first"), lambda _: followed.append("first"))
    clock.said = "2024-02-01T00:00:00.000Z"
    ledger.later(warning(place, "second"))
    assert await codes(journal.journal, place) == []
    await ledger.write(warning(place, "third"))
    told = await codes(journal.journal, place)
    assert [code for code, _ in told] == ["first", "second", "third"]
    assert [at for _, at in told][:2] == ["2024-01-31T23:59:59.000Z", "2024-02-01T00:00:00.000Z"]
    assert followed == ["first"]
    assert commits == [3]


async def test_what_waits_is_written_a_moment_later_where_nothing_else_is(
    ledger: Ledger, journal: JournalAtOnce
) -> None:
    place = await add_a_run(journal.journal)
    written = asyncio.Event()
    ledger.later(warning(place, "alone"), lambda _: written.set())
    async with asyncio.timeout(PATIENCE_S):
        await written.wait()
    assert [code for code, _ in await codes(journal.journal, place)] == ["alone"]


async def test_what_waits_outlives_a_database_that_was_gone(ledger: Ledger, journal: JournalAtOnce) -> None:
    place, gone = await add_a_run(journal.journal), True

    def write(writing: Writing) -> None:
        if gone:
            raise DatabaseGone("it is away")
        warning(place, "kept")(writing)

    ledger.later(write)
    with pytest.raises(DatabaseGone):
        await ledger.write(warning(place, "with it"))
    gone = False
    await ledger.write(warning(place, "next"))
    assert [code for code, _ in await codes(journal.journal, place)] == ["kept", "next"]


async def test_what_cannot_be_written_is_raised_once_and_keeps_nothing_else_back(
    ledger: Ledger, journal: JournalAtOnce
) -> None:
    place = await add_a_run(journal.journal)

    def fail(_: Writing) -> None:
        raise TypeError("no JSON")

    ledger.later(warning(place, "before"))
    ledger.later(fail)
    with pytest.raises(TypeError, match="no JSON"):
        await ledger.flush()
    await ledger.flush()
    assert [code for code, _ in await codes(journal.journal, place)] == ["before"]


async def test_a_walk_that_has_lost_its_run_writes_nothing_of_what_waits(
    ledger: Ledger, journal: JournalAtOnce
) -> None:
    place = await add_a_run(journal.journal)
    ledger.later(lambda writing: writing.tx.execute("UPDATE runs SET title = 'of the lost walk'"))
    with pytest.raises(Fenced):
        await ledger.write(warning(replace(place, generation=99), "lost"))
    ledger.close()
    await ledger.flush()
    row = await journal.journal.run(place.run_id)
    assert row is not None
    assert row.title != "of the lost walk"


async def test_a_run_that_was_accepted_here_is_begun_together_with_what_follows(
    ledger: Ledger, journal: JournalAtOnce, clock: Clocked
) -> None:
    own = journal.journal
    new = NewRun("20240131-235959-0000000a", "local", "x", "plain", "o", "{}", clock.said)
    await own.add_run(new)
    row = own.take_accepted(new.run_id)
    assert row is not None
    assert own.take_accepted(new.run_id) is None
    ledger.later(lambda writing: writing.begin_run(new.run_id), at=row.started_at)
    await ledger.write(warning(Place(new.run_id, row.generation), "first"))
    assert await own.run(new.run_id) == row
    assert own.leases.held[new.run_id] == row.generation
