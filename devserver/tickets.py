"""Tickets: the order in which takes may use a backend is ours, and it survives a restart."""

from __future__ import annotations

from typing import Any

from devserver.database import Database
from devserver.journal import Place


class Tickets:
    """The table of tickets. A take has one at most, for one backend."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def ask(self, place: Place, backend: str, priority: int = 0) -> None:
        """Queue a take at a backend, or keep the place that it has there."""
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO tickets (run_id, stage, take, backend, priority, position)"
                " VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM tickets))"
                " ON CONFLICT (run_id, stage, take) DO UPDATE SET backend = excluded.backend,"
                " held = CASE WHEN tickets.backend = excluded.backend THEN tickets.held ELSE 0 END",
                (place.run_id, place.stage, place.take, backend, priority),
            )

    def grant(self, backend: str, at_once: int) -> list[tuple[str, str, int]]:
        """Let the next takes go on, so that `at_once` are held; answers all (run_id, stage, take) that hold one."""
        with self._db.transaction() as db:
            db.execute(
                "UPDATE tickets SET held = 1 WHERE backend = ? AND (run_id, stage, take) IN ("
                " SELECT run_id, stage, take FROM tickets WHERE backend = ?"
                " ORDER BY held DESC, priority DESC, position LIMIT ?)",
                (backend, backend, at_once),
            )
            held = db.execute("SELECT run_id, stage, take FROM tickets WHERE backend = ? AND held = 1", (backend,))
            return [(row["run_id"], row["stage"], row["take"]) for row in held.fetchall()]

    def give_back(self, place: Place) -> None:
        """Give a ticket back, held or not."""
        with self._db.transaction() as db:
            key = (place.run_id, place.stage, place.take)
            db.execute("DELETE FROM tickets WHERE run_id = ? AND stage = ? AND take = ?", key)

    def listed(self) -> list[dict[str, Any]]:
        """All tickets, by backend in the order in which they will be granted."""
        sql = "SELECT * FROM tickets ORDER BY backend, held DESC, priority DESC, position"
        return [dict(row) for row in self._db.rows(sql)]
