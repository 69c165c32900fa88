"""Who walks a run where two processes share the database: claiming, renewing, losing, taking over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from devserver.backends.pool import Pool
from devserver.durable import lease
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.opening import open_database
from devserver.durable.sql import Transaction
from devserver.errors import Fenced
from devserver.model.events import RunWarning
from devserver.queueing.tickets import Tickets
from devserver.runs.cluster import BEAT_S, Cluster, Sharing
from devserver.runs.dispatch import Dispatcher
from devserver.system.clock import Clock
from tests.devserver.plans import AT, RUN_ID, add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, execute
from tests.doubles.together import until
from tests.doubles.turns import make_turns


@dataclass
class Process:
    database: Database
    journal: JournalAtOnce
    bus: Bus
    dispatcher: Dispatcher
    pool: Pool


@contextmanager
def process(url: str, name: str) -> Iterator[Process]:
    database, clock = open_database(url), Clock()
    bus = Bus(clock)
    journal = JournalAtOnce(database, clock, bus, name)

    async def nothing(_: str, __: asyncio.Event) -> None: ...

    pool = Pool([], bus=bus, clock=clock, embedded_folder=None, probe_s=60)
    yield Process(database, journal, bus, Dispatcher(journal.journal, nothing, 0), pool)
    database.close()


def cluster_of(process: Process, node: str) -> Cluster:
    return Cluster(
        Sharing("", node),
        journal=process.journal.journal,
        bus=process.bus,
        dispatcher=process.dispatcher,
        pool=process.pool,
        turns=make_turns(process.database, lambda: process.pool.backends),
    )


def at_once(process: Process, work: Callable[[Transaction], Any]) -> Any:
    """Do work on a door of the process, each statement by itself."""
    with process.database.door() as door:
        return door.read(work)


def claimable(process: Process) -> list[str]:
    return asyncio.run(process.journal.leases.claimable(10))


@pytest.fixture
def first(url: str) -> Iterator[Process]:
    with process(url, "a/1") as one:
        yield one


@pytest.fixture
def second(url: str) -> Iterator[Process]:
    with process(url, "b/1") as one:
        yield one


@pytest.fixture
async def beating(first: Process) -> AsyncIterator[Cluster]:
    cluster = cluster_of(first, "a")
    await cluster.start()
    yield cluster
    await cluster.stop()


def test_a_run_is_claimed_by_one_and_refused_to_the_other(first: Process, second: Process) -> None:
    add_run(first.journal)
    with pytest.raises(Fenced):
        second.journal.begin_run(RUN_ID)
    assert claimable(second) == []


def test_an_accepted_run_is_anybodys_at_once(first: Process, second: Process) -> None:
    new: Any = {"user_id": "local", "title": "x", "schema": "s", "output_config": "o", "plan": "{}", "created_at": AT}
    first.journal.add_run(RUN_ID, **new)
    assert claimable(second) == [RUN_ID]
    assert second.journal.begin_run(RUN_ID).generation == 1


def test_a_run_that_is_released_is_anybodys_at_once(first: Process, second: Process) -> None:
    add_run(first.journal)
    asyncio.run(first.journal.leases.release())
    assert second.journal.begin_run(RUN_ID).generation == 2


def test_who_renews_nothing_has_lost_his_runs_and_can_write_nothing(first: Process, second: Process) -> None:
    place = add_run(first.journal)
    tickets = AtOnce(first.database, Tickets())
    tickets.ask(replace(place, stage="generation", take=1), held_at="gpu")
    until(lambda: claimable(second), "the lease does not run out")
    assert second.journal.begin_run(RUN_ID).generation == 2
    for write in (
        lambda: first.journal.begin_stage(replace(place, stage="generation")),
        lambda: first.journal.add_event(place, RunWarning()),
        lambda: first.journal.end_run(place, "success", AT, None),
        lambda: asyncio.run(first.journal.leases.check(place.run_id, place.generation)),
        lambda: tickets.ask(replace(place, stage="generation", take=1), held_at="other"),
    ):
        with pytest.raises(Fenced):
            write()
    tickets.give_back(replace(place, stage="generation", take=1))
    assert [ticket.backend for ticket in tickets.listed()] == ["gpu"], "the ticket is the new owner's"
    assert at_once(first, first.journal.leases.renew).lost == [RUN_ID]
    assert at_once(second, second.journal.leases.renew).lost == []


def set_clock(database: Database, hours: float) -> None:
    """Set the database's clock so far from the machine's own, for the statements of the journal."""
    execute(
        database,
        "CREATE OR REPLACE FUNCTION epoch_now() RETURNS DOUBLE PRECISION LANGUAGE sql VOLATILE AS"
        f" 'SELECT extract(epoch FROM clock_timestamp())::double precision + {hours * 3600}'",
    )


def test_the_runs_of_the_dead_are_free_soon_though_the_clock_was_set_back(first: Process, second: Process) -> None:
    add_run(first.journal)
    add_run(second.journal, "20240131-235959-00000002")
    set_clock(first.database, -1)
    at_once(second, second.journal.leases.shorten)
    at_once(second, second.journal.leases.renew)
    assert claimable(second) == [], "who lives keeps his runs"

    def found() -> list[str]:
        at_once(second, second.journal.leases.renew)
        return claimable(second)

    assert until(found, "the dead one's lease does not run out", patience_s=20) == [RUN_ID]


async def test_a_process_that_died_before_the_clock_was_set_back_is_not_there(first: Process, second: Process) -> None:
    dead, alive = cluster_of(first, "a"), cluster_of(second, "b")
    at_once(first, dead._say)
    set_clock(first.database, -1)
    at_once(second, alive._say)
    assert [one.node for one in await alive.processes()] == ["b"]


def test_a_run_that_has_ended_meanwhile_is_not_lost(first: Process) -> None:
    place = add_run(first.journal)
    first.journal.end_run(place, "success", AT, None)
    assert at_once(first, first.journal.leases.renew).lost == []


def test_a_cancel_whose_message_was_lost_is_heard_of_with_the_next_renewal(first: Process, second: Process) -> None:
    add_run(first.journal)
    second.journal.ask_cancel(RUN_ID)
    assert at_once(first, first.journal.leases.renew).to_cancel == [RUN_ID]


async def test_a_loop_that_computes_for_longer_than_a_lease_keeps_its_runs(
    beating: Cluster, first: Process, second: Process
) -> None:
    assert [one.node for one in await beating.processes()] == ["a"]
    add_run(first.journal)
    time.sleep(lease.LEASE_S + 2 * BEAT_S)  # noqa: ASYNC251 - that is what happens
    assert await second.journal.leases.claimable(10) == []
    assert len(await beating.processes()) == 1


def test_who_is_frozen_within_a_transaction_lets_go_of_what_it_holds(first: Process, second: Process) -> None:
    place = add_run(first.journal)

    held = []

    def hold(tx: Transaction) -> None:
        held.append(1)
        lease.fence(tx, place.run_id, place.generation)  # of the second try: it has lost the run by then
        tx.execute("UPDATE counters SET value = value WHERE name = 'event'")
        until(lambda: claimable(second), "the lease does not run out")
        assert until(lambda: _begun(second), "the run stays locked") == 2
        tx.execute("UPDATE runs SET title = 'stale' WHERE run_id = $1", (RUN_ID,))

    with first.database.door() as door:
        door.open()
        with pytest.raises(Fenced):
            door.write(hold)
    row = first.journal.run(RUN_ID)
    assert row is not None
    assert (row.title, row.generation) == ("x", 2)


def _begun(process: Process) -> int:
    try:
        return process.journal.begin_run(RUN_ID).generation
    except Fenced:  # its row is held still
        return 0
