"""Leases: which process walks a run, when several share the database.

A run is claimed with a new generation, which fences off whoever walked it before, and held by renewing a lease on the
database's own clock. A process that is gone, frozen or cut off renews nothing: its runs are anybody's after `LEASE_S`.
Where one process has the database for itself, all runs are its own and nothing is renewed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from devserver.durable.database import Database
from devserver.durable.sql import Row, Transaction, marks
from devserver.errors import DatabaseGone, Fenced
from devserver.model.rows import RunRow

LEASE_S: Final = 3.0
ALONE: Final = "local"  # the owner where there is one process

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Renewed:
    """The outcome of renewing a process's leases."""

    lost: list[str]
    to_cancel: list[str]


class Leases:
    """The runs that this process walks. What takes a transaction may be called from any thread.

    Attributes:
        held: the generation of each run that is walked here and has not ended.
        accepted: the rows of the runs that were accepted here and that nobody else can have begun or cancelled.
    """

    def __init__(self, database: Database, owner: str = ALONE) -> None:
        self._db, self.owner = database, owner
        self.held: dict[str, int] = {}
        self.accepted: dict[str, RunRow] = {}

    @property
    def shared(self) -> bool:
        """Other processes walk runs too."""
        return self._db.shared

    def is_going_on(self, run_id: str) -> bool:
        """Return True for a run that is known not to have ended: it is this process's, and nobody else could end it."""
        return not self.shared and (run_id in self.held or run_id in self.accepted)

    def claim(self, tx: Transaction, run_id: str, at: str) -> Row:
        """Take a run for a walk.

        Raises:
            Fenced: it has ended, or another process walks it.
        """
        row: Row | None = tx.execute(
            "UPDATE runs SET state = 'running', generation = generation + 1,"  # noqa: S608 - fixed words
            " started_at = coalesce(started_at, $1), owner = $2, lease_until = epoch_now() + $3"
            " WHERE run_id = (SELECT run_id FROM runs WHERE run_id = $4"
            " AND state IN ('queued', 'running') AND (owner IS NULL OR owner = $5 OR lease_until < epoch_now())"
            f"{tx.dialect.for_update}{tx.dialect.skip_held}) RETURNING *",
            (at, self.owner, LEASE_S, run_id, self.owner),
        ).fetchone()
        if row is None:
            raise Fenced(f"run {run_id} has ended already, or another process walks it")
        return row

    async def claimable(self, limit: int) -> list[str]:
        """Return the runs that nobody walks, the oldest first."""
        sql = (
            "SELECT run_id FROM runs WHERE state IN ('queued', 'running')"
            " AND (owner IS NULL OR lease_until < epoch_now()) ORDER BY created_at, run_id LIMIT $1"
        )
        return await self._db.read(lambda tx: [row["run_id"] for row in tx.rows(sql, limit)])

    async def release(self) -> None:
        """Leave every run to the others: this process stops."""
        self.held.clear()
        if self.shared:
            await self._db.write(self._release)

    def _release(self, tx: Transaction) -> None:
        sql = "UPDATE runs SET owner = NULL, lease_until = NULL WHERE owner = $1"
        tx.execute(f"{sql} AND state IN ('queued', 'running')", (self.owner,))
        tx.notify("runs")

    def renew(self, tx: Transaction) -> Renewed:
        """Hold on to the runs that are walked here; which of them are lost, and which shall be cancelled."""
        held = dict(self.held)
        if not held:
            return Renewed([], [])
        sql = "UPDATE runs SET lease_until = epoch_now() + $1 WHERE owner = $2 AND state = 'running'"
        sql += f" AND run_id IN ({marks(held, 3)}) RETURNING run_id, generation, cancel"
        rows = tx.rows(sql, LEASE_S, self.owner, *held)
        kept = {row["run_id"] for row in rows if row["generation"] == held[row["run_id"]]}
        lost = [run_id for run_id in held if run_id not in kept and not is_owner(tx, run_id, held[run_id])]
        return Renewed(lost, [row["run_id"] for row in rows if row["cancel"]])

    def shorten(self, tx: Transaction) -> None:
        """Shorten leases that reach further than any that is given now: the database's clock was set back.

        Whoever lives renews his in time; those of the dead would else hold their runs until the clock is there again.
        """
        sql = "UPDATE runs SET lease_until = epoch_now() + $1 WHERE state IN ('queued', 'running')"
        tx.execute(f"{sql} AND lease_until > epoch_now() + $2", (LEASE_S, 2 * LEASE_S))

    async def owns(self, run_id: str, generation: int) -> bool:
        """Return True where nobody has taken the run over since; False also where that cannot be known."""
        if not self.shared and self.held.get(run_id) == generation:
            return True  # nobody else could
        try:
            return await self._db.read(lambda tx: is_owner(tx, run_id, generation))
        except DatabaseGone as e:
            log.warning("%s: %s", run_id, e)
            return False

    async def check(self, run_id: str, generation: int) -> None:
        """Check that this process still owns a run, before something that no transaction fences.

        Raises:
            Fenced: another process has taken the run over.
        """
        if not await self.owns(run_id, generation):
            raise Fenced(f"run {run_id} is walked by another worker now")


def is_owner(tx: Transaction, run_id: str, generation: int) -> bool:
    """Return True where no other process has taken a run over since this generation began to walk it."""
    rows = tx.rows("SELECT generation FROM runs WHERE run_id = $1", run_id)
    return bool(rows) and bool(rows[0]["generation"] == generation)


def fence(tx: Transaction, run_id: str, generation: int) -> None:
    """Refuse to write for a walk that no longer owns the run, and keep it from being taken over until the commit.

    Raises:
        Fenced: another process has taken the run over.
    """
    sql = f"SELECT generation FROM runs WHERE run_id = $1{tx.dialect.for_share}"  # noqa: S608 - a fixed word
    row = tx.execute(sql, (run_id,)).fetchone()
    if row is None or row["generation"] != generation:
        raise Fenced(f"run {run_id} is walked by another worker now")
