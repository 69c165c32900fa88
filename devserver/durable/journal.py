"""The journal: runs, their stages and events. The truth that a restart begins from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Final

from devserver.clock import Clock
from devserver.durable.database import Database
from devserver.durable.lease import ALONE, LEASE_S, Leases, fence
from devserver.durable.search import Search
from devserver.durable.sql import Row, Transaction, marks
from devserver.durable.stops import Stops
from devserver.events import Bus
from devserver.runs.entity import Entity
from devserver.runs.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    RunEnded,
    RunQueued,
    RunStarted,
    StageEnded,
    StageStarted,
    Stored,
    read_data,
)
from devserver.runs.failure import Failure
from devserver.runs.results import AttemptResult, Result, Skipped, StageResult, TakeResult
from devserver.runs.rows import (
    ENDED,
    AttemptRow,
    PartRow,
    Place,
    RunRow,
    RunState,
    StageRow,
    StageState,
    TakeRow,
)

STAGE: Final = "SELECT * FROM stages WHERE run_id = $1 AND stage = $2 AND take = $3 AND attempt = $4"
RUN_FIELDS: Final = [field.name for field in fields(RunRow)]


def _run(row: Row) -> RunRow:
    values = {name: row[name] for name in RUN_FIELDS}
    values["error"] = Failure.model_validate(json.loads(values["error"])) if values["error"] else None
    values["cancel"] = bool(values["cancel"])
    return RunRow(**values)


def _part(row: Row) -> PartRow:
    values = dict(row)
    result = json.loads(values.pop("result"))
    if row["attempt"]:
        return AttemptRow(**values, result=AttemptResult.model_validate(result))
    if row["take"]:
        return TakeRow(**values, result=TakeResult.model_validate(result))
    return StageRow(**values, result=StageResult.model_validate(result))


def _event(row: Row) -> Event:
    place = (row["seq"], row["run_id"], row["stage"], row["take"], row["attempt"], row["at"])
    return Event(*place, read_data(row["kind"], json.loads(row["data"])))


class Journal:
    """Runs, stages and events. Every method may be called from any thread.

    An event is published on the bus once its transaction is committed, in the order of the numbers. Where other
    processes write too, all are told that there are new ones, and `devserver.durable.wire` publishes them.
    """

    def __init__(self, database: Database, clock: Clock, bus: Bus, owner: str = ALONE) -> None:
        self._db, self._clock, self._bus = database, clock, bus
        self.database = database
        self.leases = Leases(database, owner)
        self.search = Search(database)
        self.stops = Stops(database)
        self._fresh: list[Event] = []
        self.hearers: list[Callable[[Event], None]] = []  # of what this process has written, once it is committed

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._db.lock:
            self._fresh = []
            with self._db.transaction() as db:
                yield db
                if self._fresh and self._db.shared:
                    db.notify("events")
            for event in self._fresh:  # under the lock, so that listeners see them in the order of their numbers
                if not self._db.shared:
                    self._bus.publish(event)
                for hear in self.hearers:
                    hear(event)

    def _add_event(self, db: Transaction, place: Place, data: Stored, key: str = "") -> None:
        at = self._clock.stamp()
        where = (place.run_id, place.stage, place.take, place.attempt)
        done = db.execute(
            "INSERT INTO events (seq, run_id, stage, take, attempt, kind, key, at, data)"  # noqa: S608 - a fixed word
            " SELECT value + 1, $1, $2, $3, $4, $5, $6, $7, $8 FROM counters WHERE name = 'event'"
            f"{db.dialect.for_update} ON CONFLICT (run_id, stage, take, attempt, kind, key) DO NOTHING RETURNING seq",
            (*where, data.event_kind, key, at, json.dumps(data.as_json())),
        ).fetchone()
        if done is not None:
            db.execute("UPDATE counters SET value = $1 WHERE name = 'event'", (done["seq"],))
            self._fresh.append(Event(done["seq"], *where, at, data))

    def _fence(self, db: Transaction, place: Place) -> None:
        """Refuse to write for a walk that no longer owns the run."""
        fence(db, place.run_id, place.generation)

    # Runs

    def add_run(
        self,
        run_id: str,
        *,
        user_id: str,
        title: str,
        schema: str,
        output_config: str,
        plan: str,
        created_at: str,
        entities: Sequence[Entity] = (),
        text: str = "",
        together: Callable[[Transaction], None] | None = None,
    ) -> None:
        """Accept a run: from here on it is never lost, and found by its `text`. `together` joins the commit."""
        self._db.check_there()
        with self._transaction() as db:
            db.execute(
                "INSERT INTO runs (run_id, user_id, state, created_at, title, schema, output_config, plan, owner,"
                " lease_until) VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7, $8, epoch_now() + $9)",
                (run_id, user_id, created_at, title, schema, output_config, plan, self.leases.owner, LEASE_S),
            )
            found = {"user_id": user_id, "created_at": created_at, "title": title, "outputs": output_config}
            self.search.add(db, run_id, **found, text=text)
            self._add_event(db, Place(run_id, 0), RunQueued(title=title, schema_=schema, output_config=output_config))
            for entity in entities:
                self._add_event(db, Place(run_id, 0), entity, entity.filename)
            if together is not None:
                together(db)

    def run(self, run_id: str) -> RunRow | None:
        rows = self._db.rows("SELECT * FROM runs WHERE run_id = $1", run_id)
        return _run(rows[0]) if rows else None

    def has_runs(self) -> bool:
        return bool(self._db.rows("SELECT 1 FROM runs LIMIT 1"))

    def has_ended(self, run_id: str) -> bool:
        rows = self._db.rows("SELECT state FROM runs WHERE run_id = $1", run_id)
        return bool(rows) and rows[0]["state"] in ENDED

    def unfinished(self) -> list[str]:
        """Runs that a start has to take up again, the oldest first."""
        rows = self._db.rows("SELECT run_id FROM runs WHERE state IN ('queued', 'running') ORDER BY created_at, run_id")
        return [row["run_id"] for row in rows]

    def begin_run(self, run_id: str) -> RunRow:
        """Take a run for a walk: a new generation fences off whoever walked it before."""
        with self._transaction() as db:
            row = _run(self.leases.claim(db, run_id, self._clock.stamp()))
            if row.generation > 1:
                self.stops.count(db, run_id)
            self._add_event(db, Place(run_id, row.generation), RunStarted())
        self.leases.held[run_id] = row.generation
        return row

    def end_run(self, place: Place, state: RunState, ended_at: str, error: Failure | None, text: str = "") -> None:
        """The last write of a run; from here on it is found by its final `text` too."""
        with self._transaction() as db:
            self._fence(db, place)
            db.execute(
                "UPDATE runs SET state = $1, ended_at = $2, error = $3 WHERE run_id = $4",
                (state, ended_at, json.dumps(error.as_json()) if error else None, place.run_id),
            )
            db.execute("DELETE FROM tickets WHERE run_id = $1", (place.run_id,))
            self.search.end(db, place.run_id, state, text)
            ended = RunEnded(status=state, url=f"/api/runs/{place.run_id}")
            self._add_event(db, place, ended.model_copy(update={"error": error}) if error else ended)

    def ask_cancel(self, run_id: str) -> bool:
        """Set the run's cancel flag; False when it had ended already."""
        with self._transaction() as db:
            sql = "UPDATE runs SET cancel = 1 WHERE run_id = $1 AND state IN ('queued', 'running')"
            db.notify("cancel", run_id)
            return bool(db.execute(sql, (run_id,)).rowcount)

    # Stages, takes, attempts

    def begin_stage(self, place: Place, *, at_work: bool = False) -> StageRow:
        """Begin a stage, or begin it again after a restart; an ended one is returned as it is.

        `at_work`: from now on a server that dies counts as one that died working on it.
        """
        row = self._begin(place, at_work=at_work)
        if not isinstance(row, StageRow):
            raise TypeError(f"{place} is no stage")
        return row

    def begin_take(self, place: Place) -> TakeRow:
        """Begin a take of a stage, as `begin_stage` does."""
        row = self._begin(place)
        if not isinstance(row, TakeRow):
            raise TypeError(f"{place} is no take")
        return row

    def begin_attempt(
        self,
        place: Place,
        *,
        backend: str | None = None,
        prompt_id: str | None = None,
        result: AttemptResult | None = None,
    ) -> AttemptRow:
        """Begin an attempt of a take, as `begin_stage` does."""
        row = self._begin(place, backend, prompt_id, result)
        if not isinstance(row, AttemptRow):
            raise TypeError(f"{place} is no attempt")
        return row

    def _begin(
        self,
        place: Place,
        backend: str | None = None,
        prompt_id: str | None = None,
        result: Result | None = None,
        *,
        at_work: bool = False,
    ) -> PartRow:
        with self._transaction() as db:
            self._fence(db, place)
            key = (place.run_id, place.stage, place.take, place.attempt)
            kept = json.dumps(result.as_json() if result else {})
            row = db.execute(
                "INSERT INTO stages"
                " (run_id, stage, take, attempt, state, started_at, backend, prompt_id, result, number, at_work) VALUES"
                " ($1, $2, $3, $4, 'running', $5, $6, $7, $8, (SELECT count(*) + 1 FROM stages WHERE run_id = $9), $10)"
                " ON CONFLICT (run_id, stage, take, attempt) DO UPDATE SET at_work = excluded.at_work"
                " WHERE stages.state = 'running' RETURNING *",
                (
                    *(*key, self._clock.stamp(), backend, prompt_id, kept, place.run_id),
                    self.stops.process if at_work else None,
                ),
            ).fetchone()
            if place.attempt:
                self._add_event(db, place, AttemptStarted(backend=backend) if backend else AttemptStarted())
            elif not place.take:
                self._add_event(db, place, StageStarted())
            return _part(row or db.execute(STAGE, key).fetchone())

    def skip(self, place: Place, reason: str) -> None:
        """Note that a stage is left out, and why."""
        with self._transaction() as db:
            self._fence(db, place)
            at = self._clock.stamp()
            db.execute(
                "INSERT INTO stages (run_id, stage, state, started_at, ended_at, result, number)"
                " VALUES ($1, $2, 'skipped', $3, $4, $5, (SELECT count(*) + 1 FROM stages WHERE run_id = $6))"
                " ON CONFLICT (run_id, stage, take, attempt) DO NOTHING",
                (place.run_id, place.stage, at, at, json.dumps(Skipped(reason=reason).as_json()), place.run_id),
            )
            self._add_event(db, place, StageEnded(status="skipped", reason=reason))

    def end(self, place: Place, state: StageState, result: Result | None = None) -> None:
        """End a stage, take or attempt; `result` is merged into what is there."""
        with self._transaction() as db:
            self._fence(db, place)
            self._merge(db, place, result or Result(), state, self._clock.stamp())
            if place.take and not place.attempt and state == "success":
                self.stops.set_back(db, place.run_id, place.stage)
            if place.attempt or not place.take:
                ended = AttemptEnded(status=state) if place.attempt else StageEnded(status=state)
                error = result.error if result else None
                self._add_event(db, place, ended.model_copy(update={"error": error}) if error else ended)

    def note(self, place: Place, result: Result) -> None:
        """Merge something that was decided into the result of a stage, take or attempt."""
        with self._transaction() as db:
            self._fence(db, place)
            self._merge(db, place, result)

    def _merge(
        self,
        db: Transaction,
        place: Place,
        result: Result,
        state: StageState | None = None,
        ended_at: str | None = None,
    ) -> None:
        key = (place.run_id, place.stage, place.take, place.attempt)
        before = json.loads(db.execute(STAGE, key).fetchone()["result"])
        sql = (
            "UPDATE stages SET result = $1, state = coalesce(CAST($2 AS TEXT), state),"
            " ended_at = coalesce(CAST($3 AS TEXT), ended_at),"
            " at_work = CASE WHEN CAST($4 AS TEXT) IS NULL THEN at_work END"
            " WHERE run_id = $5 AND stage = $6 AND take = $7 AND attempt = $8"
        )
        db.execute(sql, (json.dumps({**before, **result.as_json()}), state, ended_at, state, *key))

    def keep_worked(self, place: Place, seconds: float) -> None:
        """Keep how long a take was worked on, all servers together."""
        with self._transaction() as db:
            self._fence(db, place)
            sql = "UPDATE stages SET worked_s = $1 WHERE run_id = $2 AND stage = $3 AND take = $4 AND attempt = 0"
            db.execute(sql, (seconds, place.run_id, place.stage, place.take))

    def stages(self, run_id: str) -> list[PartRow]:
        """Every stage, take and attempt of a run, in the order in which they began."""
        rows = self._db.rows("SELECT * FROM stages WHERE run_id = $1 ORDER BY number", run_id)
        return [_part(row) for row in rows]

    def stage(self, place: Place) -> PartRow | None:
        """The stage, take or attempt at a place."""
        rows = self._db.rows(STAGE, place.run_id, place.stage, place.take, place.attempt)
        return _part(rows[0]) if rows else None

    def last_attempt(self, place: Place) -> AttemptRow | None:
        """The newest attempt of a take."""
        sql = (
            "SELECT * FROM stages WHERE run_id = $1 AND stage = $2 AND take = $3 AND attempt > 0"
            " ORDER BY attempt DESC LIMIT 1"
        )
        rows = self._db.rows(sql, place.run_id, place.stage, place.take)
        row = _part(rows[0]) if rows else None
        return row if isinstance(row, AttemptRow) else None

    # Events

    def add_event(self, place: Place, data: Stored, key: str = "") -> None:
        """Store and publish an event; one with the same place, kind and key is stored once."""
        with self._transaction() as db:
            self._fence(db, place)
            self._add_event(db, place, data, key)

    def events_after(self, seq: int, run_id: str | None = None, limit: int = 1000) -> list[Event]:
        """Stored events with a greater number, in order."""
        return self._db.now(lambda tx: events_after(tx, seq, run_id, limit))

    def last_seq(self) -> int:
        """The number of the newest event, 0 where there is none."""
        return self._db.now(last_seq)

    def events(self, run_id: str, kind: str) -> list[Event]:
        """All events of one kind of a run, in order."""
        return [
            _event(r)
            for r in self._db.rows("SELECT * FROM events WHERE run_id = $1 AND kind = $2 ORDER BY seq", run_id, kind)
        ]

    def events_of(self, run_ids: Sequence[str], kind: str) -> list[Event]:
        """All events of one kind of several runs, each run's in order."""
        if not run_ids:
            return []
        sql = f"SELECT * FROM events WHERE kind = $1 AND run_id IN ({marks(run_ids, 2)}) ORDER BY seq"  # noqa: S608 - placeholders
        return [_event(row) for row in self._db.rows(sql, kind, *run_ids)]


def events_after(tx: Transaction, seq: int, run_id: str | None = None, limit: int = 1000) -> list[Event]:
    """Stored events with a greater number, in order."""
    sql = "SELECT * FROM events WHERE seq > $1 AND (CAST($2 AS TEXT) IS NULL OR run_id = $3) ORDER BY seq LIMIT $4"
    return [_event(row) for row in tx.rows(sql, seq, run_id, run_id, limit)]


def last_seq(tx: Transaction) -> int:
    """The number of the newest event, 0 where there is none."""
    return int(tx.rows("SELECT coalesce(max(seq), 0) AS newest FROM events")[0]["newest"])
