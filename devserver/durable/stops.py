"""The stages that a server was working on when it died. Waiting is no work.

A stage is at work while its text is processed, while a file of it is taken in, and while the embedded backend, which
dies with its server, runs a prompt of it. The mark names the process, so that a walk that only broke off is not taken
for a death. The next walk turns marks of a dead process into a count; a take that is finished sets it back.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Final

from devserver.durable.database import Database
from devserver.durable.sql import Transaction

if TYPE_CHECKING:
    from devserver.model.rows import Place

DIED: Final = "died"  # the mark of a prompt that a dead backend had left running
log = logging.getLogger(__name__)


class Stops:
    """The marks and counts in the table of stages. What takes a transaction may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.process: Final = secrets.token_hex(8)

    def mark(self, tx: Transaction, place: Place, process: str | None) -> None:
        """Note which process works on a stage, take or attempt now; None where none does."""
        sql = "UPDATE stages SET at_work = $1 WHERE run_id = $2 AND stage = $3 AND take = $4 AND attempt = $5"
        tx.execute(sql, (process, place.run_id, place.stage, place.take, place.attempt))

    def count(self, tx: Transaction, run_id: str) -> None:
        """Count one stop for each stage of a run that a dead process was working on, and remove the marks."""
        tx.execute(
            "UPDATE stages SET stops = stops + 1 WHERE run_id = $1 AND take = 0 AND attempt = 0 AND stage IN"
            " (SELECT stage FROM stages WHERE run_id = $2 AND at_work <> $3)",
            (run_id, run_id, self.process),
        )
        tx.execute("UPDATE stages SET at_work = NULL WHERE run_id = $1 AND at_work IS NOT NULL", (run_id,))

    def set_back(self, tx: Transaction, run_id: str, stage: str) -> None:
        """Forget what was counted for a stage: a take of it is finished."""
        sql = "UPDATE stages SET stops = 0 WHERE run_id = $1 AND stage = $2 AND take = 0 AND attempt = 0 AND stops > 0"
        tx.execute(sql, (run_id, stage))

    async def was_running(self, prompt_id: str) -> None:
        """Mark the attempt whose prompt the embedded backend was running when its server died."""
        sql = (
            "UPDATE stages SET at_work = $1 WHERE prompt_id = $2 AND state IN ('running', 'lost')"
            " AND run_id IN (SELECT run_id FROM runs WHERE state IN ('queued', 'running'))"
        )
        await self._db.write(lambda tx: tx.execute(sql, (DIED, prompt_id)))

    async def forgive(self) -> None:
        """Remove the marks of this process: a clean stop is no fault of what was at work."""
        sql = "UPDATE stages SET at_work = NULL WHERE at_work = $1"
        await self._db.write(lambda tx: tx.execute(sql, (self.process,)))
