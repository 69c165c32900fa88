"""Tickets: the order in which takes may use a backend is ours, and it survives a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devserver.durable.lease import fence
from devserver.durable.sql import Transaction
from devserver.model.rows import Place
from devserver.system.clock import Clock

Key = tuple[str, str, int]  # run, stage, take

ALL: Final = ""  # the name under which the queues of all backends are paused together

# The tickets of one user in one queue that wait for runs of which no backend has had anything yet; `accepted` grows
# from run to run.
NEW: Final = """SELECT * FROM (
        SELECT tickets.*, events.seq AS accepted FROM tickets
        JOIN events ON events.run_id = tickets.run_id AND events.kind = 'run.queued'
        WHERE NOT EXISTS (SELECT 1 FROM stages WHERE stages.run_id = tickets.run_id AND stages.attempt > 0)
    ) AS new WHERE backend = $1 AND held = 0 AND level = $2 AND user_id = $3"""


@dataclass(frozen=True)
class Work:
    """The work of a take, as far as its duration depends on it.

    `size` is what a prompt's length grows with (seconds, steps, pixels, pictures, multiplied); 1 where nothing tells.
    """

    config: str = ""
    variant: str = ""
    size: float = 1.0


@dataclass(frozen=True)
class Ticket:
    """A take's turn at a backend, or its place in the queue for one. `held` says which."""

    run_id: str
    stage: str
    take: int
    backend: str
    user_id: str
    priority: int
    held: bool
    work: Work
    asked_at: str
    granted_at: str | None
    level: int
    round: int
    position: int

    @property
    def place(self) -> tuple[int, int, int]:
        """Its place among those that wait: the least is next."""
        return -self.level, self.round, self.position

    @property
    def key(self) -> Key:
        return self.run_id, self.stage, self.take


class Tickets:
    """The table of tickets, within a transaction. A take has one at most, for one backend.

    Users take turns within a priority: a ticket gets the first round in which its user has none yet. A user with a
    hundred tickets so waits for the others as often as they wait for him. The new runs of a user wait in the order in
    which they were accepted, whichever of them asks first. What is moved takes the place that it is moved to, and the
    others of that stretch move up or down by one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()

    def ask(
        self,
        tx: Transaction,
        place: Place,
        backend: str,
        priority: int = 0,
        *,
        user_id: str = "local",
        work: Work | None = None,
        held: bool = False,
    ) -> None:
        """Queue a take at a backend, or keep the place that it has there; `held` gives it its turn at once."""
        work, at = work or Work(), self._clock.stamp()
        key = (place.run_id, place.stage, place.take)
        fence(tx, place.run_id, place.generation)
        self._touch(tx, backend)
        # In another queue it gets the turn that its user has there; when it was asked for stays.
        rounds = tx.execute(
            "SELECT max(CASE WHEN user_id = $1 THEN round + 1 END) AS own, min(CASE WHEN held = 0 THEN round END)"
            " AS going_on FROM tickets WHERE backend = $2 AND level = $3",
            (user_id, backend, priority),
        ).fetchone()
        turn = max(rounds["own"] or 0, rounds["going_on"] or 0)
        asked = tx.execute(
            "INSERT INTO tickets (run_id, stage, take, backend, user_id, priority, level, round, position,"
            " held, asked_at, granted_at, config, variant, size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
            " (SELECT coalesce(max(position), 0) + 1 FROM tickets), $9, $10, $11, $12, $13, $14)"
            " ON CONFLICT (run_id, stage, take) DO UPDATE SET backend = excluded.backend, level = excluded.level,"
            " round = excluded.round, held = excluded.held, granted_at = excluded.granted_at,"
            " config = excluded.config, variant = excluded.variant, size = excluded.size"
            " WHERE tickets.backend <> excluded.backend OR excluded.held > tickets.held",
            (
                *(*key, backend, user_id, priority, priority, turn),
                *(int(held), at, at if held else None, work.config, work.variant, work.size),
            ),
        )
        if asked.rowcount and not held:
            self._line_up(tx, key, (backend, priority, user_id))

    def _line_up(self, tx: Transaction, key: Key, line: tuple[str, int, str]) -> None:
        """Put the last ticket of a new run before those of its user's new runs that were accepted after it.

        Walks reach their queues in any order. A ticket that stands before one of an earlier run was moved there, and
        stays before this one too.
        """
        own = tx.rows(f"{NEW} AND run_id = $4 AND stage = $5 AND take = $6", *line, *key)
        if not own:
            return
        accepted = own[0]["accepted"]
        others = "NOT (run_id = $4 AND stage = $5 AND take = $6) AND"
        last_first = "ORDER BY round DESC, position DESC"
        earlier = tx.rows(f"{NEW} AND {others} accepted <= $7 {last_first} LIMIT 1", *line, *key, accepted)
        after = (earlier[0]["round"], earlier[0]["position"]) if earlier else (-1, 0)
        later = tx.rows(
            f"{NEW} AND accepted > $4 AND (round, position) > ($5, $6) {last_first}", *line, accepted, *after
        )
        behind: list[Ticket] = []
        for row, next_row in zip(later, [None, *later], strict=False):
            if next_row is not None and row["accepted"] > next_row["accepted"]:
                break
            behind.insert(0, _ticket(row))
        if behind:
            self.rearrange(tx, line[0], [_ticket(own[0]), *behind])

    def grant(self, tx: Transaction, backend: str, at_once: int) -> None:
        """Let the next takes go on, so that `at_once` have a turn. While the queue is paused nobody new gets one."""
        self._touch(tx, backend)
        tx.execute(
            "UPDATE tickets SET held = 1, granted_at = $1 WHERE backend = $2 AND held = 0"
            " AND NOT EXISTS (SELECT 1 FROM queues WHERE backend IN ($3, $4) AND paused = 1)"
            " AND (run_id, stage, take) IN (SELECT run_id, stage, take FROM tickets WHERE backend = $5"
            " ORDER BY held DESC, level DESC, round, position, run_id, stage, take LIMIT $6)",
            (self._clock.stamp(), backend, backend, ALL, backend, at_once),
        )

    def to_grant(self, tx: Transaction, at_once: Mapping[str, int]) -> list[str]:
        """The backends at which somebody waits and there is room: asked often, and mostly answered without a write."""
        sql = "SELECT backend, count(*) AS tickets, coalesce(sum(held), 0) AS held FROM tickets GROUP BY backend"
        free = [
            row["backend"] for row in tx.rows(sql) if row["held"] < min(at_once.get(row["backend"], 0), row["tickets"])
        ]
        paused = self.paused(tx) if free else set()
        return [backend for backend in free if not {ALL, backend} & paused]

    def held(self, tx: Transaction) -> list[tuple[str, Key]]:
        """Return the takes that have a turn now, each with its backend."""
        sql = "SELECT backend, run_id, stage, take FROM tickets WHERE held = 1"
        return [(row["backend"], (row["run_id"], row["stage"], row["take"])) for row in tx.rows(sql)]

    def give_back(self, tx: Transaction, place: Place) -> None:
        """Give a ticket back, held or not. The one of a run that another process has taken over is that one's."""
        tx.execute(
            "DELETE FROM tickets WHERE run_id = $1 AND stage = $2 AND take = $3"
            " AND EXISTS (SELECT 1 FROM runs WHERE run_id = $4 AND generation = $5)",
            (place.run_id, place.stage, place.take, place.run_id, place.generation),
        )
        tx.notify("tickets")

    def give_back_ended(self, tx: Transaction, place: Place) -> bool:
        """Give back the turns of a run whose attempts have ended; return whether there were any."""
        attempts = "SELECT 1 FROM stages AS own WHERE own.run_id = tickets.run_id AND own.stage = tickets.stage"
        attempts += " AND own.take = tickets.take AND own.attempt > 0"
        done = tx.execute(
            f"DELETE FROM tickets WHERE run_id = $1 AND held = 1 AND EXISTS ({attempts})"  # noqa: S608 - fixed words
            f" AND NOT EXISTS ({attempts} AND own.state = 'running')"
            " AND EXISTS (SELECT 1 FROM runs WHERE run_id = $2 AND generation = $3)",
            (place.run_id, place.run_id, place.generation),
        )
        tx.notify("tickets")
        return bool(done.rowcount)

    def _touch(self, tx: Transaction, backend: str) -> None:
        """Take a queue for this transaction: another process waits here until it is committed, and is told then."""
        sql = (
            "INSERT INTO queues (backend, changes) VALUES ($1, 1)"
            " ON CONFLICT (backend) DO UPDATE SET changes = queues.changes + 1"
        )
        tx.execute(sql, (backend,))
        tx.notify("tickets")

    # Pausing

    def pause(self, tx: Transaction, backend: str = ALL) -> None:
        """Give nobody a new turn at a backend, or at any; who has one goes on."""
        self._touch(tx, backend)
        tx.execute("UPDATE queues SET paused = 1 WHERE backend = $1", (backend,))

    def resume(self, tx: Transaction, backend: str = ALL) -> None:
        """Give turns again: at one backend, or at all, also those that were paused one by one."""
        tx.execute("UPDATE queues SET paused = 0 WHERE backend = $1 OR $2 = ''", (backend, backend))
        tx.notify("tickets")

    def paused(self, tx: Transaction) -> set[str]:
        """The backends whose queues are paused; `ALL` among them where every queue is."""
        return {row["backend"] for row in tx.rows("SELECT backend FROM queues WHERE paused = 1")}

    # Order

    def listed(self, tx: Transaction, backend: str | None = None) -> list[Ticket]:
        """The tickets of one backend, or of all, in the order in which they will be granted."""
        if backend is None:
            return _in_order(tx.rows("SELECT * FROM tickets"))
        return _in_order(tx.rows("SELECT * FROM tickets WHERE backend = $1", backend))

    def of_run(self, tx: Transaction, run_id: str) -> list[Ticket]:
        return _in_order(tx.rows("SELECT * FROM tickets WHERE run_id = $1", run_id))

    def rearrange(self, tx: Transaction, backend: str, order: Sequence[Ticket]) -> None:
        """Deal the places that these waiting tickets have out anew, in this order; all others keep theirs."""
        places = sorted(ticket.place for ticket in order)
        self._touch(tx, backend)
        for ticket, (level, turn, position) in zip(order, places, strict=True):
            tx.execute(
                "UPDATE tickets SET level = $1, round = $2, position = $3"
                " WHERE run_id = $4 AND stage = $5 AND take = $6 AND held = 0",
                (-level, turn, position, *ticket.key),
            )


def _in_order(rows: Sequence[Any]) -> list[Ticket]:
    """As `grant` has it; the run's id settles what two processes that asked at the same moment left equal."""
    return sorted((_ticket(row) for row in rows), key=lambda ticket: (not ticket.held, *ticket.place, *ticket.key))


def _ticket(row: Any) -> Ticket:
    return Ticket(
        row["run_id"],
        row["stage"],
        row["take"],
        row["backend"],
        row["user_id"],
        row["priority"],
        bool(row["held"]),
        Work(row["config"], row["variant"], row["size"]),
        row["asked_at"],
        row["granted_at"],
        row["level"],
        row["round"],
        row["position"],
    )
