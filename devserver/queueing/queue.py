"""The queue as people see it: who waits where and for how long, and what they may change about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from devserver.backends.pool import Pool
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.sql import Transaction
from devserver.errors import InputError
from devserver.errors.sentences import say
from devserver.files.exports import RUN_ID_ALONE
from devserver.model.rows import ENDED
from devserver.model.server import QueueLength, QueuePlace, QueueState, RunPlace
from devserver.queueing.expected import Expected, Line
from devserver.queueing.placing import Reckoned
from devserver.queueing.survey import survey
from devserver.queueing.tickets import ALL, Ticket
from devserver.queueing.turns import Turns
from schemas.wording import one_of

RETRY_S: Final = 5.0  # where nothing is known of how long a run takes
POSITIONS_TOLD_S: Final = 1.0
PAGE: Final = 100  # of those that wait, told at a time where nobody says how many
LONGEST_PAGE: Final = 1000
EXAMPLE: Final[dict[str, JsonValue]] = {"run_id": "20240131-235959-1f2e3d4c", "to": "front"}


class PauseRequest(BaseModel):
    """The body of `POST /api/queue/pause` and `/resume`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    backend: str | None = Field(None, description="A backend's name; without it all queues.")


class MoveRequest(BaseModel):
    """The body of `POST /api/queue/move`: exactly one of `to`, `before` and `position`."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={**one_of("to", "before", "position"), "examples": [EXAMPLE]}
    )

    run_id: str = Field(description="A run of yours that waits.", json_schema_extra={"pattern": RUN_ID_ALONE})
    to: str | None = Field(None, pattern="^(front|back)$", description="front or back.")
    before: str | None = Field(None, description="Another run that waits.", json_schema_extra={"pattern": RUN_ID_ALONE})
    position: int | None = Field(None, ge=1, description="1 is next.")

    @model_validator(mode="after")
    def _one_place(self) -> MoveRequest:
        if [self.to, self.before, self.position].count(None) != 2:
            raise PydanticCustomError("one_place", "name one of to, before and position")
        return self


@dataclass(frozen=True)
class Limits:
    """The limits on unfinished runs; 0 is any number."""

    runs: int = 0
    runs_per_user: int = 0


@dataclass(frozen=True)
class _Shown:
    """A line as a viewer sees it; `titles` has title and user of every unfinished run."""

    viewer: str | None
    line: Line
    titles: dict[str, tuple[str, str]]

    def entry(self, ticket: Ticket) -> dict[str, Any]:
        about = {
            "position": self.line.position(ticket),
            "priority": ticket.priority,
            "eta": _eta(ticket, self.line),
            "expected_backend": self.line.backend(ticket) or None,
            **_why(ticket, self.line),
        }
        if self.viewer not in (None, ticket.user_id):
            return {**about, "own": False}
        place = {"run_id": ticket.run_id, "stage": ticket.stage, "take": ticket.take}
        title = self.titles.get(ticket.run_id, ("", ""))[0]
        return {**about, "own": True, **place, "title": title, "user": ticket.user_id, "asked_at": ticket.asked_at}


class Queue:
    """Everything about waiting. What takes a transaction may be called from any thread."""

    def __init__(
        self,
        database: Database,
        pool: Pool,
        turns: Turns,
        expected: Expected,
        bus: Bus,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._db, self._pool, self._turns, self._bus, self.expected = database, pool, turns, bus, expected
        self._tickets, self._clock = expected.tickets, expected.clock
        self._limits = limits or Limits()
        self._positions: dict[str, Any] = {}
        self._told_at = float("-inf")
        turns.on_queue = self._tell

    # Room

    def check_room(self, tx: Transaction, user_id: str, own_limit: int = 0) -> None:
        """Refuse the run that was added in this transaction where there is no room for it.

        `own_limit` is the user's, in the place of the one for everybody; 0 where there is none.

        Raises:
            InputError: there is none (429), with the time after which there may be one.
        """
        limit, own_limit = self._limits.runs, own_limit or self._limits.runs_per_user
        if not limit and not own_limit:
            return
        before = _unfinished(tx)
        before[user_id] -= 1
        every, own = before.total(), before[user_id]
        if limit and every >= limit:
            raise self._full(tx, "queue_full", every, "queue_limit", limit)
        if own_limit and own >= own_limit:
            raise self._full(tx, "own_queue_full", own, "queue_limit_per_user", own_limit)

    def _full(self, tx: Transaction, message_code: str, count: int, limited_by: str, limit: int) -> InputError:
        line = self.expected.line(tx)
        nexts = {line.backend(ticket): line.eta(ticket) for ticket in reversed(line.tickets.values())}
        return InputError(
            message_code,
            status=429,
            code="queue_full",
            limited_by=limited_by,
            count=count,
            limit=limit,
            retry_after_s=max(1.0, min((one.high for one in nexts.values() if one), default=RETRY_S)),
        )

    # Looking

    async def overview(self, viewer: str | None, limit: int = PAGE, offset: int = 0) -> dict[str, Any]:
        """The queue: the viewer's own runs in full, those of others as places without a name; None sees all.

        Of those that wait, `limit` after the first `offset`: of all, and of those that are expected at each backend.
        """
        return await self._db.read(partial(self._overview, viewer, limit, offset))

    def _overview(self, viewer: str | None, limit: int, offset: int, tx: Transaction) -> dict[str, Any]:
        line, titles = self.expected.line(tx), _titles(tx)
        names = dict.fromkeys([*(b.name for b in self._pool.backends), *line.backends()])
        shown = _Shown(viewer, line, titles)
        backends: list[dict[str, Any]] = []
        to = offset + limit
        for name in names:
            held, waiting, backend = line.held(name), line.expected_at(name), self._pool.named(name)
            last = (waiting or held)[-1:]
            backends.append(
                {
                    "name": name,
                    "state": backend.state if backend else "unknown",
                    "paused": line.is_paused(name),
                    "held": [shown.entry(ticket) for ticket in held],
                    "waiting": [shown.entry(ticket) for ticket in waiting[offset:to]],
                    "waiting_total": len(waiting),
                    "eta": _eta(last[0], line) if last else None,
                }
            )
        may = self.expected.decider.may({ticket.demand for ticket in line.waiting[offset:to]})
        asked = {ticket.run_id for ticket in line.tickets.values()}
        coming = [
            {"run_id": run_id, "title": title}
            for run_id, (title, owner) in titles.items()
            if run_id not in asked and viewer in (None, owner)
        ]
        longest = max(len(coming), len(line.waiting))
        limits = {"queue_limit": self._limits.runs, "queue_limit_per_user": self._limits.runs_per_user}
        return {
            "paused": ALL in line.paused,
            "backends": backends,
            "waiting": [{**shown.entry(ticket), "may": may[ticket.demand]} for ticket in line.waiting[offset:to]],
            "waiting_total": len(line.waiting),
            "elsewhere": coming[offset:to],
            "elsewhere_total": len(coming),
            "unfinished": len(titles),
            "next_offset": to if to < longest else None,
        } | limits

    async def survey(self) -> list[dict[str, Any]]:
        """Every backend, with what it has and does now."""
        line = await self._db.read(self.expected.line)
        return await survey(self._pool.backends, line, self._turns.breakers)

    def of_run(self, tx: Transaction, run_id: str) -> RunPlace:
        """A run's place in the queue, and when it will be done; each None where it is not known."""
        line = self.expected.line(tx)
        eta = self.expected.of_run(tx, run_id)
        return RunPlace(queue=_place(line, run_id), eta=eta.as_time_left() if eta else None)

    async def _tell(self) -> None:
        """Tell everybody how long the queues are, and those who listen to a waiting run where it stands."""
        heard = self._bus.listened_to()
        if not heard and not self._bus.hears_everything:
            return
        line = await self._db.read(self.expected.line)
        lengths = [
            QueueLength(name=name, held=len(line.held(name)), waiting=len(line.expected_at(name)))
            for name in line.backends()
        ]
        waits = len(line.waiting)
        self._bus.tell(None, QueueState(backends=lengths, paused=sorted(line.paused), waiting=waits))
        if self._clock.monotonic() - self._told_at < POSITIONS_TOLD_S:
            return
        self._told_at = self._clock.monotonic()
        places = {run_id: _place(line, run_id) for run_id in {t.run_id for t in line.tickets.values()} & heard}
        moved = [run_id for run_id, place in places.items() if place != self._positions.get(run_id)]
        if moved:
            told = await self._db.read(lambda tx: [self.of_run(tx, run_id) for run_id in moved])
            for run_id, about in zip(moved, told, strict=True):
                self._bus.tell_listeners(run_id, about)
        self._positions = places

    async def state(self) -> QueueState:
        """Return the state of the queues for a new listener."""
        line = await self._db.read(self.expected.line)
        return QueueState(paused=sorted(line.paused), waiting=len(line.waiting))

    # Changing

    async def pause(self, backend: str | None) -> None:
        """Submit nothing new: to one backend, or at all. What was submitted goes on. It lasts over a restart."""
        await self._db.write(lambda tx: self._tickets.pause(tx, self._checked(tx, backend)))
        self._changed()

    async def resume(self, backend: str | None) -> None:
        """Submit again: to one backend, or to all, also those that were paused one by one."""
        await self._db.write(lambda tx: self._tickets.resume(tx, self._checked(tx, backend)))
        self._changed()

    def _checked(self, tx: Transaction, backend: str | None) -> str:
        names = sorted({b.name for b in self._pool.backends} | {t.backend for t in self._tickets.held(tx)})
        if backend is not None and backend not in names:
            raise InputError("unknown_backend", status=404, field="backend", value=backend, allowed=names)
        return backend or ALL

    async def move(self, request: MoveRequest, viewer: str | None) -> dict[str, Any]:
        """Move a run's waiting takes among the viewer's own places; None moves among all.

        Raises:
            InputError: it does not wait, or the other one does not (409); the other one is not theirs (404).
        """
        await self._db.write(partial(self._move, request, viewer))
        self._changed()
        place = await self._db.read(lambda tx: self.of_run(tx, request.run_id))
        return {"run_id": request.run_id, **place.as_json()}

    def _move(self, request: MoveRequest, viewer: str | None, tx: Transaction) -> None:
        waiting = [ticket for ticket in self._tickets.of_run(tx, request.run_id) if not ticket.held]
        if not waiting:
            raise self._unmovable(tx, request.run_id)
        if request.before is not None:
            self._check_waits(tx, request.before, viewer)
        line = [ticket for ticket in self._tickets.listed(tx) if not ticket.held]
        may = [ticket for ticket in line if viewer in (None, ticket.user_id)]
        moved = [ticket for ticket in may if ticket.run_id == request.run_id]
        others = [ticket for ticket in may if ticket.run_id != request.run_id]
        at = _index(request, others, [ticket for ticket in line if ticket not in moved])
        self._tickets.rearrange(tx, [*others[:at], *moved, *others[at:]], {ticket.key for ticket in moved})

    def _check_waits(self, tx: Transaction, before: str, viewer: str | None) -> None:
        found = [ticket for ticket in self._tickets.of_run(tx, before) if viewer in (None, ticket.user_id)]
        if not found:
            raise InputError("other_run_waits_not", status=404, field="before", value=before)
        if all(ticket.held for ticket in found):
            raise InputError("other_run_has_its_turn", status=409, field="before", value=before)

    def _unmovable(self, tx: Transaction, run_id: str) -> InputError:
        states = [row["state"] for row in tx.rows("SELECT state FROM runs WHERE run_id = $1", run_id)]
        refuse = partial(InputError, status=409, field="run_id", value=run_id)
        if states and states[0] in ENDED:
            return refuse("run_ended", allowed="a run that waits in /api/queue", state=states[0])
        return refuse("run_has_its_turn" if self._tickets.of_run(tx, run_id) else "run_waits_nowhere")

    def _changed(self) -> None:
        self.expected.read_again()
        self._turns.wake()


def _unfinished(tx: Transaction) -> Counter[str]:
    """Count the unfinished runs of each user."""
    sql = "SELECT user_id, count(*) AS runs FROM runs WHERE state IN ('queued', 'running') GROUP BY user_id"
    return Counter({row["user_id"]: row["runs"] for row in tx.rows(sql)})


def _titles(tx: Transaction) -> dict[str, tuple[str, str]]:
    """Title and user of every unfinished run, the oldest first."""
    sql = "SELECT run_id, title, user_id FROM runs WHERE state IN ('queued', 'running') ORDER BY created_at, run_id"
    return {row["run_id"]: (row["title"], row["user_id"]) for row in tx.rows(sql)}


def _index(request: MoveRequest, others: list[Ticket], line: list[Ticket]) -> int:
    """Return how many of `others` stay before the moved run; `line` is everybody without it."""
    if request.to is not None:
        return 0 if request.to == "front" else len(others)
    if request.before is not None:
        return next((index for index, ticket in enumerate(others) if ticket.run_id == request.before), len(others))
    before = {ticket.key for ticket in line[: (request.position or 1) - 1]}
    return sum(ticket.key in before for ticket in others)


def _eta(ticket: Ticket, line: Line) -> dict[str, object] | None:
    eta = line.eta(ticket)
    return eta.as_time_left().as_json() if eta is not None else None


def _why(ticket: Ticket, line: Line) -> dict[str, str]:
    """Return why a ticket is bound to its backend, or expected to be, as a sentence with its code."""
    code, backend = ticket.why or line.reckoned.get(ticket.key, Reckoned()).why, line.backend(ticket)
    return {"why": say(code, backend=backend).message if code else "", "why_code": code}


def _place(line: Line, run_id: str) -> QueuePlace | None:
    """Return the place of the run's next take; position 0 has its turn."""
    places = [
        QueuePlace(
            backend=line.backend(ticket),
            position=line.position(ticket),
            waiting=len(line.waiting),
            paused=line.is_stalled(ticket),
        )
        for ticket in line.of_run(run_id)
    ]
    return min(places, key=lambda place: place.position) if places else None
