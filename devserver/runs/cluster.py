"""Several processes over one database: who is there, and that those who are gone are noticed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.journal import Journal
from devserver.durable.sql import Transaction
from devserver.durable.wire import Wire
from devserver.errors import DatabaseGone
from devserver.model.server import BackendState, ProcessState, ReadyState
from devserver.queueing.turns import Turns
from devserver.runs.dispatch import Dispatcher
from devserver.watching.readiness import NO_BACKEND

BEAT_S: Final = 1.0
ALIVE_S: Final = 4.0  # a process that was not heard of for so long is gone
FORGOTTEN_S: Final = 600.0
STOPPED_WITHIN_S: Final = 2.0  # a heartbeat that waits for the database is left behind
NODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

Role = Literal["all", "web", "worker"]

log = logging.getLogger(__name__)


def own_name() -> str:
    """Return this machine's name, as a node may be called."""
    return re.sub(r"[^a-z0-9_-]+", "-", socket.gethostname().partition(".")[0].lower()).strip("-_")[:63] or "node"


@dataclass(frozen=True)
class Sharing:
    """A process's part among several that share a database.

    Args:
        node: told apart by it are the folders of embedded backends: no two workers have the same.
        role: `web` accepts and serves, `worker` walks, `all` does both.
        walks_at_once: how many runs a worker walks at most.
    """

    database_url: str = field(repr=False)
    node: str
    role: Role = "all"
    walks_at_once: int = 32
    process: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(3)}")

    @property
    def owner(self) -> str:
        """This process, and none that was or will be."""
        return f"{self.node}/{self.process}"

    @property
    def walks(self) -> int:
        return 0 if self.role == "web" else self.walks_at_once


class Cluster:
    """This process among the others: it says each second that it lives, and hears what the others tell."""

    def __init__(
        self,
        sharing: Sharing,
        *,
        journal: Journal,
        bus: Bus,
        dispatcher: Dispatcher,
        pool: Pool,
        turns: Turns,
    ) -> None:
        self._sharing, self._db, self._journal = sharing, journal.database, journal
        self._dispatcher, self._pool, self._turns = dispatcher, pool, turns
        heard: dict[str, Callable[[str], None]] = {
            "runs": lambda _: self._dispatcher.wake(),
            "cancel": self._dispatcher.stop_walk,
            "tickets": lambda _: self._turns.wake(),
        }
        self._wire = Wire(journal.database, journal, bus, heard, self._look)
        # On a thread of its own: a loop that computes for some seconds is not dead.
        self._beating = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._stopped = threading.Event()

    async def start(self) -> None:
        """From now on this process is there."""
        await self._db.read(self._say)
        await self._wire.start()
        self._beating.start()

    async def stop(self) -> None:
        """Take leave: its runs are given up already."""
        self._stopped.set()
        if self._beating.ident is not None:
            await asyncio.to_thread(self._beating.join, STOPPED_WITHIN_S)
        await self._wire.stop()
        owner = self._sharing.owner
        try:
            await self._db.write(lambda tx: tx.execute("DELETE FROM processes WHERE name = $1", (owner,)))
        except DatabaseGone as e:
            log.warning("%s", e)

    async def processes(self) -> list[ProcessState]:
        """Return who is there now, this process too."""
        sql = "SELECT * FROM processes WHERE seen_at BETWEEN epoch_now() - $1 AND epoch_now() + $2 ORDER BY name"
        # One that was seen later than now is dead, and a clock was set back.
        rows = await self._db.read(lambda tx: tx.rows(sql, ALIVE_S, ALIVE_S))
        return [
            ProcessState(
                name=row["name"],
                node=row["node"],
                role=row["role"],
                walks=row["walks"],
                backends=[BackendState.model_validate(one) for one in json.loads(row["backends"])],
            )
            for row in rows
        ]

    async def ready(self, found: ReadyState) -> ReadyState:
        """Return this process's readiness with that of the others: one that accepts needs one that walks."""
        problems = list(found.problems)
        try:
            there = await self.processes()
        except DatabaseGone as e:
            there = list[ProcessState]()
            problems.append(str(e))
        workers = [one for one in there if one.role != "web"]
        if there and not workers:
            problems.append("there is no worker: start one with --role worker")
        if any(backend.state == "up" for one in workers for backend in one.backends):
            problems = [problem for problem in problems if problem != NO_BACKEND]
        return found.model_copy(update={"ready": not problems, "problems": problems, "processes": there})

    def _look(self) -> None:
        self._dispatcher.wake()
        if self._dispatcher.walking:
            self._turns.wake()

    def _beat(self) -> None:
        with self._db.door() as door:
            while not self._stopped.wait(BEAT_S):
                try:
                    door.read(self._renew)
                except DatabaseGone as e:
                    log.warning("this process cannot say that it lives: %s", e)

    def _renew(self, tx: Transaction) -> None:
        """Hold on to the runs that are walked here; each statement by itself, so that it holds up nobody's."""
        self._journal.leases.shorten(tx)
        renewed = self._journal.leases.renew(tx)
        for run_id in renewed.lost:
            self._dispatcher.lose(run_id)
        for run_id in renewed.to_cancel:
            self._dispatcher.stop_walk(run_id)
        self._say(tx)

    def _say(self, tx: Transaction) -> None:
        sharing = self._sharing
        backends = json.dumps([one.as_json() for one in self._pool.describe()] if sharing.role != "web" else [])
        tx.execute(
            "INSERT INTO processes (name, node, role, seen_at, walks, backends)"
            " VALUES ($1, $2, $3, epoch_now(), $4, $5) ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at,"
            " walks = excluded.walks, backends = excluded.backends",
            (sharing.owner, sharing.node, sharing.role, self._dispatcher.walking, backends),
        )
        tx.execute("DELETE FROM processes WHERE abs(seen_at - epoch_now()) > $1", (FORGOTTEN_S,))
