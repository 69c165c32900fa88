"""Tickets: the order in which takes may use a backend is ours, and it survives a restart."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from devserver.durable.lease import fence
from devserver.durable.sql import Transaction, marks
from devserver.model.rows import Place
from devserver.system.clock import Clock

Key = tuple[str, str, int]  # run, stage, take

ALL: Final = ""  # the name under which the queues of all backends are paused together
NOWHERE: Final = ""  # the backend of a ticket that is not bound to one yet

# The tickets of one user that wait for runs of which no backend has had anything yet; `accepted` grows from run to run.
NEW: Final = """SELECT * FROM (
        SELECT tickets.*, events.seq AS accepted FROM tickets
        JOIN events ON events.run_id = tickets.run_id AND events.kind = 'run.queued'
        WHERE NOT EXISTS (SELECT 1 FROM stages WHERE stages.run_id = tickets.run_id AND stages.attempt > 0)
    ) AS new WHERE held = 0 AND level = $1 AND user_id = $2"""


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
    """A take's place in the queue, or its turn at a backend: `held` says which.

    Args:
        backend: the one that it is bound to; `NOWHERE` while it waits.
        demand: the digest of what it needs.
        rests: it keeps its place and wants no backend now: its take waits for another attempt.
        passed: how often a later take got a place that fits it; `passed_at` is when that happened first.
        failed_at: the backends at which an attempt of its take failed.
    """

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
    demand: str = ""
    why: str = ""
    rests: bool = False
    moved: bool = False
    passed: int = 0
    passed_at: str | None = None
    owner: str | None = None
    failed_at: frozenset[str] = frozenset()

    @property
    def place(self) -> tuple[int, int, int]:
        """Its place among those that wait: the least is next."""
        return -self.level, self.round, self.position

    @property
    def key(self) -> Key:
        return self.run_id, self.stage, self.take


class Tickets:
    """The table of tickets, within a transaction. A take has one at most, and waits with it for all backends together.

    Users take turns within a priority: a ticket gets the first round in which its user has none yet. A user with a
    hundred tickets so waits for the others as often as they wait for him. Turns count among takes that compete for a
    backend. The new runs of a user wait in the order in which they were accepted, whichever of them asks first. What is
    moved takes the place that it is moved to, and the others of that stretch move up or down by one.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()

    def ask(
        self,
        tx: Transaction,
        place: Place,
        priority: int = 0,
        *,
        user_id: str = "local",
        demand: str = "",
        competing: Collection[str] | None = None,
        work: Work | None = None,
        held_at: str = NOWHERE,
        failed_at: Collection[str] = (),
    ) -> None:
        """Queue a take, or keep the place that it has; `held_at` is the backend that has it already.

        `failed_at` are the backends at which an attempt of it failed. `competing` are the demands that some backend can
        meet that can meet this one too; None: every demand is.
        """
        work, at, held = work or Work(), self._clock.stamp(), held_at != NOWHERE
        key = (place.run_id, place.stage, place.take)
        fence(tx, place.run_id, place.generation)
        self._touch(tx)
        asked = tx.execute(
            "UPDATE tickets SET backend = $1, held = $2, granted_at = CASE WHEN held = 1 AND backend = $3"
            " THEN granted_at ELSE $4 END, config = $5, variant = $6, size = $7, demand = $8, rests = 0,"
            " failed_at = $9 WHERE run_id = $10 AND stage = $11 AND take = $12",
            (
                *(held_at, int(held), held_at, at if held else None, work.config, work.variant, work.size, demand),
                *("\n".join(failed_at), *key),
            ),
        )
        if asked.rowcount:
            return
        turn = self._next_round(tx, user_id, priority, competing)
        tx.execute(
            "INSERT INTO tickets (run_id, stage, take, backend, user_id, priority, level, round, position,"
            " held, asked_at, granted_at, config, variant, size, demand, failed_at) VALUES ($1, $2, $3, $4, $5, $6, $7,"
            " $8, (SELECT coalesce(max(position), 0) + 1 FROM tickets), $9, $10, $11, $12, $13, $14, $15, $16)",
            (
                *(*key, held_at, user_id, priority, priority, turn),
                *(int(held), at, at if held else None, work.config, work.variant, work.size, demand),
                "\n".join(failed_at),
            ),
        )
        if not held:
            self._line_up(tx, key, priority, user_id)

    def _next_round(self, tx: Transaction, user_id: str, level: int, competing: Collection[str] | None) -> int:
        """Return the round in which a user's next ticket waits."""
        among = f" AND demand IN ({marks(competing, 3)})" if competing else ""
        row = tx.rows(
            "SELECT max(CASE WHEN user_id = $1 THEN round + 1 END) AS own,"  # noqa: S608 - numbered marks
            f" min(CASE WHEN held = 0 THEN round END) AS going_on FROM tickets WHERE level = $2{among}",
            *(user_id, level, *(competing or ())),
        )[0]
        return max(row["own"] or 0, row["going_on"] or 0)

    def _line_up(self, tx: Transaction, key: Key, level: int, user_id: str) -> None:
        """Put the last ticket of a new run before those of its user's new runs that were accepted after it.

        Walks reach the queue in any order. A ticket that stands before one of an earlier run was moved there, and stays
        before this one too.
        """
        line = (level, user_id)
        own = tx.rows(f"{NEW} AND run_id = $3 AND stage = $4 AND take = $5", *line, *key)
        if not own:
            return
        accepted = own[0]["accepted"]
        others = "NOT (run_id = $3 AND stage = $4 AND take = $5) AND"
        last_first = "ORDER BY round DESC, position DESC"
        earlier = tx.rows(f"{NEW} AND {others} accepted <= $6 {last_first} LIMIT 1", *line, *key, accepted)
        after = (earlier[0]["round"], earlier[0]["position"]) if earlier else (-1, 0)
        later = tx.rows(
            f"{NEW} AND accepted > $3 AND (round, position) > ($4, $5) {last_first}", *line, accepted, *after
        )
        behind: list[Ticket] = []
        for row, next_row in zip(later, [None, *later], strict=False):
            if next_row is not None and row["accepted"] > next_row["accepted"]:
                break
            behind.insert(0, _ticket(row))
        if behind:
            self.rearrange(tx, [_ticket(own[0]), *behind])

    def first(self, tx: Transaction, demands: Collection[str], limit: int, *, owners: bool = False) -> list[Ticket]:
        """Return the first tickets that wait with one of these demands; with the owner of its run, where that is asked.

        The index has them in this order, so that no more are read.
        """
        columns, join = ("tickets.*, runs.owner", " JOIN runs ON runs.run_id = tickets.run_id") if owners else ("*", "")
        rows = tx.rows(
            f"SELECT {columns} FROM tickets{join} WHERE held = 0 AND rests = 0"  # noqa: S608 - fixed words
            f" AND demand IN ({marks(demands, 2)})"
            " ORDER BY level DESC, round, position, tickets.run_id, tickets.stage, tickets.take LIMIT $1",
            *(limit, *demands),
        )
        return [_ticket(row) for row in rows]

    def demands(self, tx: Transaction) -> list[tuple[str, str, str, str]]:
        """Return the demands of those that wait, each with run, stage and config of a ticket that has it."""
        rows = tx.rows(
            "SELECT demand, min(run_id || '/' || stage || '/' || config) AS one FROM tickets"
            " WHERE held = 0 AND rests = 0 GROUP BY demand"
        )
        return [(row["demand"], *row["one"].split("/", 2)) for row in rows]

    def note_demand(self, tx: Transaction, key: Key, demand: str) -> None:
        tx.execute("UPDATE tickets SET demand = $1 WHERE run_id = $2 AND stage = $3 AND take = $4", (demand, *key))

    def bind(self, tx: Transaction, key: Key, backend: str, variant: str, why: str) -> None:
        """Give a take that waits its turn at a backend."""
        tx.execute(
            "UPDATE tickets SET held = 1, backend = $1, variant = $2, why = $3, granted_at = $4"
            " WHERE run_id = $5 AND stage = $6 AND take = $7 AND held = 0 AND rests = 0",
            (backend, variant, why, self._clock.stamp(), *key),
        )

    def note_passed(self, tx: Transaction, keys: Iterable[Key]) -> None:
        """Count that these takes were passed over."""
        for key in keys:
            tx.execute(
                "UPDATE tickets SET passed = passed + 1, passed_at = coalesce(passed_at, $1)"
                " WHERE run_id = $2 AND stage = $3 AND take = $4",
                (self._clock.stamp(), *key),
            )

    def held(self, tx: Transaction) -> list[Ticket]:
        """Return the tickets that have a turn now."""
        return _in_order(tx.rows("SELECT * FROM tickets WHERE held = 1"))

    def rest(self, tx: Transaction, place: Place) -> None:
        """Give a turn back and keep the place in the queue, for another attempt of the take."""
        tx.execute(
            "UPDATE tickets SET held = 0, backend = '', rests = 1 WHERE run_id = $1 AND stage = $2 AND take = $3"
            " AND EXISTS (SELECT 1 FROM runs WHERE run_id = $4 AND generation = $5)",
            (place.run_id, place.stage, place.take, place.run_id, place.generation),
        )
        tx.notify("tickets")

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

    def _touch(self, tx: Transaction, backend: str = ALL) -> None:
        """Take the queue for this transaction: another process waits here until it is committed, and is told then."""
        sql = (
            "INSERT INTO queues (backend, changes) VALUES ($1, 1)"
            " ON CONFLICT (backend) DO UPDATE SET changes = queues.changes + 1"
        )
        tx.execute(sql, (backend,))
        tx.notify("tickets")

    def take_queue(self, tx: Transaction) -> None:
        """Keep every other process from deciding until this transaction is committed."""
        self._touch(tx)

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

    def listed(self, tx: Transaction) -> list[Ticket]:
        """Return all tickets: those that have a turn, then the others in the order in which they wait."""
        return _in_order(tx.rows("SELECT * FROM tickets"))

    def of_run(self, tx: Transaction, run_id: str) -> list[Ticket]:
        return _in_order(tx.rows("SELECT * FROM tickets WHERE run_id = $1", run_id))

    def rearrange(self, tx: Transaction, order: Sequence[Ticket], moved: Collection[Key] = ()) -> None:
        """Deal the places that these waiting tickets have out anew, in this order; all others keep theirs."""
        places = sorted(ticket.place for ticket in order)
        self._touch(tx)
        for ticket, (level, turn, position) in zip(order, places, strict=True):
            tx.execute(
                "UPDATE tickets SET level = $1, round = $2, position = $3, moved = $4"
                " WHERE run_id = $5 AND stage = $6 AND take = $7 AND held = 0",
                (-level, turn, position, int(ticket.moved or ticket.key in moved), *ticket.key),
            )


def _in_order(rows: Sequence[Any]) -> list[Ticket]:
    """The run's id settles what two processes that asked at the same moment left equal."""
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
        row["demand"],
        row["why"],
        bool(row["rests"]),
        bool(row["moved"]),
        row["passed"],
        row["passed_at"],
        row["owner"] if "owner" in row.keys() else None,  # noqa: SIM118 - a row's keys
        frozenset(row["failed_at"].splitlines()),
    )
