"""Who is there where several processes share a database; here two of them over one file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

import pytest

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.patience import patience
from devserver.model.server import ReadyState
from devserver.runs.cluster import ALIVE_S, FORGOTTEN_S, NODE, Cluster, Role, Sharing, own_name
from devserver.runs.dispatch import Dispatcher
from devserver.system.clock import Clock
from devserver.watching.readiness import NO_BACKEND
from tests.devserver.plans import RUN_ID, add_run
from tests.doubles.at_once import JournalAtOnce, execute, rows
from tests.doubles.pools import add_backend
from tests.doubles.turns import make_turns

Make = Callable[..., Cluster]


class Told(Dispatcher):
    """Keeps what it is told of runs."""

    def __init__(self, journal: JournalAtOnce) -> None:
        super().__init__(journal.journal, _walk, 0)
        self.lost, self.stopped = list[str](), list[str]()

    def lose(self, run_id: str) -> None:
        self.lost.append(run_id)

    def stop_walk(self, run_id: str) -> None:
        self.stopped.append(run_id)


async def _walk(_run_id: str, _cancelled: asyncio.Event) -> None: ...


@pytest.fixture
async def make(database: Database, journal: JournalAtOnce, bus: Bus) -> AsyncIterator[Make]:
    """Make the process of a node that has said that it lives."""
    pools: list[Pool] = []

    def process(node: str, role: Role = "all", *, backend: str = "") -> Cluster:
        pool = Pool([], bus=bus, clock=Clock(), embedded_folder=None, probe_s=3600)
        pools.append(pool)
        if backend:
            add_backend(pool, backend)
        turns = make_turns(database, lambda: pool.backends)
        given: dict[str, Any] = {"journal": journal.journal, "bus": bus, "dispatcher": Told(journal)}
        made = Cluster(Sharing("", node, role), pool=pool, turns=turns, **given)
        with database.door() as door:
            door.write(made._say)
        return made

    yield process
    for pool in pools:
        await pool.close()


async def names(cluster: Cluster) -> list[str]:
    return [str(one.node) for one in await cluster.processes()]


def test_a_process_is_told_apart_from_all_that_were_on_its_node() -> None:
    one, two = Sharing("postgresql://secret", "studio"), Sharing("", "studio")
    assert one.owner.startswith("studio/")
    assert one.owner != two.owner
    assert "secret" not in repr(one)
    assert [Sharing("", "a", role, walks_at_once=7).walks for role in get_args(Role)] == [7, 0, 7]


def test_a_machines_name_is_one_that_a_node_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for hostname, name in (("Studio.local", "studio"), ("_ä_", "node"), ("My PC-2", "my-pc-2"), ("x" * 99, "x" * 63)):
        monkeypatch.setattr("socket.gethostname", lambda hostname=hostname: hostname)
        assert own_name() == name
        assert NODE.fullmatch(own_name())


async def test_who_was_not_heard_of_for_a_while_is_gone_and_then_forgotten(make: Make, database: Database) -> None:
    cluster = make("a")
    make("b")
    assert await names(cluster) == ["a", "b"]
    execute(database, "UPDATE processes SET seen_at = epoch_now() - $1 WHERE node = 'b'", ALIVE_S + 1)
    assert await names(cluster) == ["a"]
    execute(database, "UPDATE processes SET seen_at = epoch_now() + $1 WHERE node = 'b'", ALIVE_S + 1)
    assert await names(cluster) == ["a"], "one that was seen later than now is dead, and a clock was set back"
    execute(database, "UPDATE processes SET seen_at = epoch_now() - $1 WHERE node = 'b'", FORGOTTEN_S + 1)
    make("c")
    assert [row["node"] for row in rows(database, "SELECT node FROM processes ORDER BY node")] == ["a", "c"]


async def test_who_accepts_needs_somebody_who_walks(make: Make) -> None:
    web = make("front", "web")
    found = await web.ready(ReadyState(ready=True))
    assert (found.ready, found.problems) == (False, ["there is no worker: start one with --role worker"])
    make("studio", "worker")
    assert (await web.ready(ReadyState(ready=True))).ready


async def test_a_backend_of_another_worker_counts_and_those_of_a_web_process_do_not(make: Make) -> None:
    web = make("front", "web", backend="own")
    alone = ReadyState(ready=False, problems=[NO_BACKEND])
    make("idle", "worker")
    assert not (await web.ready(alone)).ready
    make("studio", "worker", backend="gpu")
    found = await web.ready(alone)
    assert (found.ready, found.problems) == (True, [])
    assert {one.node: [each.name for each in one.backends] for one in found.processes} == {
        "front": [],
        "idle": [],
        "studio": ["gpu"],
    }


async def test_a_database_that_gives_no_answer_is_a_problem_and_no_crash(make: Make) -> None:
    cluster = make("a")
    with patience(0):
        found = await cluster.ready(ReadyState(ready=True))
    assert (found.ready, "does not answer" in found.problems[0]) == (False, True)


async def test_a_heartbeat_says_which_runs_are_lost_and_which_are_to_stop(
    make: Make, journal: JournalAtOnce, database: Database
) -> None:
    cluster, lost = make("a"), "20240131-000000-00000001"
    add_run(journal)
    add_run(journal, lost)
    journal.ask_cancel(RUN_ID)
    execute(database, "UPDATE runs SET generation = generation + 1, owner = 'another' WHERE run_id = $1", lost)
    with database.door() as door:
        door.read(cluster._renew)
    told = cluster._dispatcher
    assert isinstance(told, Told)
    assert (told.lost, told.stopped) == ([lost], [RUN_ID])
