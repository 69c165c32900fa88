"""Which stages a server was working on when it died. Waiting is no work.

A stage is at work while its text is processed, while a file of it is taken in, and while the embedded backend, which
dies with its server, runs a prompt of it. The mark names the process, so that a walk that only broke off is not taken
for a death. The next walk turns marks of a dead process into a count; a take that is finished sets it back.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from devserver.durable.database import Database
from devserver.durable.lease import fence
from devserver.durable.sql import Transaction

if TYPE_CHECKING:
    from devserver.runs.rows import Place

DIED: Final = "died"  # the mark of a prompt that a dead backend had left running
log = logging.getLogger(__name__)


class Stops:
    """The marks and counts in the table of stages. Every method may be called from any thread."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.process: Final = secrets.token_hex(8)

    @contextmanager
    def at_work(self, place: Place) -> Iterator[None]:
        """Mark an attempt while a file of it is taken in. Its end removes the mark, and so does an error."""
        self._mark(place, self.process)
        try:
            yield
        except Exception:  # whatever it was, nothing of the attempt is at work any more
            try:
                self._mark(place, None)
            except Exception as e:  # noqa: BLE001 - the disk or the database that failed; the first error says more
                log.debug("%s is still marked: %s", place.run_id, e)
            raise

    @contextmanager
    def at_rest(self, place: Place) -> Iterator[None]:
        """Remove the mark of a stage while it waits for something, and put it back after that."""
        sql = "SELECT at_work FROM stages WHERE run_id = $1 AND stage = $2 AND take = $3 AND attempt = $4"
        rows = self._db.rows(sql, place.run_id, place.stage, place.take, place.attempt)
        process = rows[0]["at_work"] if rows else None
        self._mark(place, None)
        yield
        self._mark(place, process)

    def _mark(self, place: Place, process: str | None) -> None:
        with self._db.transaction() as db:
            fence(db, place.run_id, place.generation)
            sql = "UPDATE stages SET at_work = $1 WHERE run_id = $2 AND stage = $3 AND take = $4 AND attempt = $5"
            db.execute(sql, (process, place.run_id, place.stage, place.take, place.attempt))

    def count(self, db: Transaction, run_id: str) -> None:
        """Count one stop for each stage of a run that a dead process was working on, and remove the marks."""
        db.execute(
            "UPDATE stages SET stops = stops + 1 WHERE run_id = $1 AND take = 0 AND attempt = 0 AND stage IN"
            " (SELECT stage FROM stages WHERE run_id = $2 AND at_work <> $3)",
            (run_id, run_id, self.process),
        )
        db.execute("UPDATE stages SET at_work = NULL WHERE run_id = $1 AND at_work IS NOT NULL", (run_id,))

    def set_back(self, db: Transaction, run_id: str, stage: str) -> None:
        """Forget what was counted for a stage: a take of it is finished."""
        sql = "UPDATE stages SET stops = 0 WHERE run_id = $1 AND stage = $2 AND take = 0 AND attempt = 0 AND stops > 0"
        db.execute(sql, (run_id, stage))

    def was_running(self, prompt_id: str) -> None:
        """Mark the attempt whose prompt the embedded backend was running when its server died."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE stages SET at_work = $1 WHERE prompt_id = $2 AND state IN ('running', 'lost')"
                " AND run_id IN (SELECT run_id FROM runs WHERE state IN ('queued', 'running'))",
                (DIED, prompt_id),
            )

    def forgive(self) -> None:
        """Remove the marks of this process: a clean stop is no fault of what was at work."""
        with self._db.transaction() as db:
            db.execute("UPDATE stages SET at_work = NULL WHERE at_work = $1", (self.process,))
