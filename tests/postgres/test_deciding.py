"""Two processes that decide at the same moment give no more turns than there are places."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.opening import open_database
from devserver.durable.sql import Transaction
from devserver.queueing.deciding import Decided, Decider
from devserver.queueing.eta import Durations
from devserver.queueing.fleet import Fleet
from devserver.queueing.given_up import GivenUp
from devserver.queueing.tickets import Tickets
from devserver.system.clock import Clock
from tests.devserver.plans import add_run
from tests.devserver.queueing.demands import classes, demand
from tests.doubles.at_once import AtOnce, JournalAtOnce, write
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S


def decider(database: Database, pool: Pool, owner: str) -> Decider:
    clock = Clock()
    fleet = Fleet(Durations(clock), clock, lambda: pool.backends, GivenUp(database, lambda: pool.backends))
    return Decider(Tickets(clock), fleet, owner)


async def test_together_they_bind_no_more_than_the_places_allow(
    url: str, database: Database, journal: JournalAtOnce, bus: Bus
) -> None:
    pool = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
    add_backend(pool, classes=classes("song", "film"))
    other_database = open_database(url)
    one, other = decider(database, pool, "a"), decider(other_database, pool, "b")
    for number, (own, output) in enumerate([(one, "song"), (one, "song"), (other, "film"), (other, "film")]):
        own.know(demand(output))
        place = replace(add_run(journal, f"20240131-2359{number:02d}-00000000"), stage="generation", take=1)
        AtOnce(database, own.tickets).ask(place, demand=demand(output).digest)
    seen = one.fleet.see()

    def decide_meanwhile(tx: Transaction, threads: ThreadPoolExecutor) -> Future[Decided]:
        assert len(one.decide(tx, seen).placing.bound) == 2
        deciding = threads.submit(write, other_database, lambda its: other.decide(its, seen))
        deadline = time.monotonic() + PATIENCE_S
        while not deciding.done() and not tx.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert time.monotonic() < deadline
        return deciding

    with ThreadPoolExecutor() as threads:
        deciding: Future[Decided] = write(database, lambda tx: decide_meanwhile(tx, threads))
        assert deciding.result(PATIENCE_S).placing.bound == []
    assert [ticket.demand for ticket in AtOnce(database, one.tickets).held()] == [demand("song").digest] * 2
    other_database.close()
    await pool.close()
