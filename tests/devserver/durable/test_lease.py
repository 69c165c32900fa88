"""Who walks a run: two processes over one database, whose clocks and answers the test decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.lease import LEASE_S, Renewed, is_owner
from devserver.durable.patience import patience
from devserver.errors import Fenced
from devserver.system.clock import Clock
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, execute, rows

OLDER = "20240131-000000-00000001"
OVER = "UPDATE runs SET lease_until = epoch_now() - 1"


@pytest.fixture
def other(database: Database, bus: Bus) -> JournalAtOnce:
    """The journal as another process has it."""
    return JournalAtOnce(database, Clock(), bus, "another")


def left_s(database: Database) -> float:
    """For how long the lease of the only run lasts."""
    return float(rows(database, "SELECT lease_until - epoch_now() AS left_s FROM runs")[0]["left_s"])


async def test_a_run_is_taken_over_once_its_lease_is_over_and_not_before(
    database: Database, journal: JournalAtOnce, other: JournalAtOnce
) -> None:
    place = add_run(journal)
    with pytest.raises(Fenced, match="another process walks it"):
        other.begin_run(RUN_ID)
    assert await other.leases.claimable(10) == []
    execute(database, OVER)
    assert await other.leases.claimable(10) == [RUN_ID]
    assert other.begin_run(RUN_ID).generation == place.generation + 1
    with pytest.raises(Fenced):
        journal.fence(place)


async def test_runs_that_nobody_walks_are_taken_up_the_oldest_first(
    database: Database, journal: JournalAtOnce, other: JournalAtOnce
) -> None:
    add_run(journal)
    add_run(journal, OLDER, "2024-01-30T00:00:00.000Z")
    execute(database, OVER)
    assert await other.leases.claimable(10) == [OLDER, RUN_ID]
    assert await other.leases.claimable(1) == [OLDER]


def test_renewing_holds_the_own_runs_and_says_which_are_to_be_cancelled(
    database: Database, journal: JournalAtOnce
) -> None:
    add_run(journal)
    execute(database, "UPDATE runs SET lease_until = epoch_now() + 0.5")
    renewed = AtOnce(database, journal.leases).renew()
    assert renewed == Renewed([], [])
    assert LEASE_S - 1 < left_s(database) <= LEASE_S
    journal.ask_cancel(RUN_ID)
    assert AtOnce(database, journal.leases).renew() == Renewed([], [RUN_ID])


def test_renewing_says_which_runs_another_process_has_taken_over(
    database: Database, journal: JournalAtOnce, other: JournalAtOnce
) -> None:
    add_run(journal)
    execute(database, OVER)
    other.begin_run(RUN_ID)
    execute(database, OVER)
    assert AtOnce(database, journal.leases).renew() == Renewed([RUN_ID], [])
    assert left_s(database) < 0, "the lease of the other is not ours to renew"


def test_a_lease_that_reaches_further_than_any_is_shortened(database: Database, journal: JournalAtOnce) -> None:
    add_run(journal)
    for seconds, shortened_s in ((2 * LEASE_S - 0.5, 2 * LEASE_S - 0.5), (3600, LEASE_S)):
        execute(database, "UPDATE runs SET lease_until = epoch_now() + $1", seconds)
        AtOnce(database, journal.leases).shorten()
        assert shortened_s - 0.5 < left_s(database) <= shortened_s


async def test_a_run_is_owned_by_its_newest_generation(journal: JournalAtOnce, database: Database) -> None:
    place = add_run(journal)
    await journal.leases.check(RUN_ID, place.generation)
    journal.begin_run(RUN_ID)
    assert not await journal.leases.owns(RUN_ID, place.generation)
    with pytest.raises(Fenced, match="walked by another worker"):
        await journal.leases.check(RUN_ID, place.generation)
    with database.door() as door:
        assert door.read(lambda tx: [is_owner(tx, RUN_ID, generation) for generation in (1, 2, 3)]) == [
            False,
            True,
            False,
        ]
        assert not door.read(lambda tx: is_owner(tx, "unknown", 1))


async def test_where_the_database_gives_no_answer_a_run_is_not_owned(journal: JournalAtOnce) -> None:
    place = replace(add_run(journal), generation=1)
    journal.leases.held.clear()
    with patience(0):
        assert not await journal.leases.owns(place.run_id, place.generation)


async def test_whoever_stops_holds_nothing(journal: JournalAtOnce) -> None:
    add_run(journal)
    await journal.leases.release()
    assert journal.leases.held == {}
