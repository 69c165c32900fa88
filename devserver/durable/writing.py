"""Writing into the journal within one transaction. Its events are published once it is committed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devserver.durable.lease import Leases, fence
from devserver.durable.reading import STAGE, Reading, part_of, run_of
from devserver.durable.search import RunLine, Search
from devserver.durable.sql import Transaction
from devserver.durable.stops import Stops
from devserver.model.entity import Entity
from devserver.model.events import (
    AttemptEnded,
    AttemptStarted,
    Event,
    RunEnded,
    RunQueued,
    RunStarted,
    StageEnded,
    StageStarted,
    Stored,
)
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult, Result, Skipped, TakeResult
from devserver.model.rows import AttemptRow, PartRow, Place, RunRow, RunState, StageRow, StageState, TakeRow
from schemas.values import RecordedValue


@dataclass(frozen=True)
class NewRun:
    """A run that is accepted. `plan` is JSON; the search indexes `text`."""

    run_id: str
    user_id: str
    title: str
    schema: str
    output_config: str
    plan: str
    created_at: str
    entities: Sequence[Entity] = ()
    text: str = ""


@dataclass(frozen=True)
class Written:
    """An event, and the row of the stage, attempt or run that it is about, where one has ended or begun again."""

    event: Event
    row: PartRow | RunLine | None = None


class Writing(Reading):
    """One transaction of the journal. Whatever is written through it is one commit.

    Attributes:
        written: the events, in the order of their numbers.
        at: when that which is written now has happened.
    """

    def __init__(self, tx: Transaction, leases: Leases, search: Search, stops: Stops, at: str) -> None:
        super().__init__(tx)
        self._leases, self._search, self._stops, self.at = leases, search, stops, at
        self.written: list[Written] = []
        self._last_seq: int | None = None  # of all events, once the first one of this transaction needs its number
        self._fenced: set[tuple[str, int]] = set()

    def _event(self, place: Place, data: Stored, key: str = "", row: PartRow | RunLine | None = None) -> None:
        where = (place.run_id, place.stage, place.take, place.attempt)
        if self._last_seq is None:
            sql = f"SELECT value FROM counters WHERE name = 'event'{self.tx.dialect.for_update}"  # noqa: S608 - a fixed word
            self._last_seq = int(self.tx.rows(sql)[0]["value"])
        seq = self._last_seq + 1
        done = self.tx.execute(
            "INSERT INTO events (seq, run_id, stage, take, attempt, kind, key, at, data)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            " ON CONFLICT (run_id, stage, take, attempt, kind, key) DO NOTHING",
            (seq, *where, data.event_kind, key, self.at, json.dumps(data.as_json())),
        )
        if done.rowcount:
            self._last_seq = seq
            self.written.append(Written(Event(seq, *where, self.at, data), row))

    def close(self) -> None:
        """Keep the number of the last event, before the commit."""
        if self.written:
            self.tx.execute("UPDATE counters SET value = $1 WHERE name = 'event'", (self._last_seq,))

    def fence(self, place: Place) -> None:
        """Refuse to write for a walk that no longer owns the run.

        Raises:
            Fenced: another process has taken the run over.
        """
        owner = (place.run_id, place.generation)
        if owner not in self._fenced:
            fence(self.tx, *owner)
            self._fenced.add(owner)

    # Runs

    def add_run(self, new: NewRun) -> None:
        """Accept a run: from this commit on it is never lost. Anybody may walk it."""
        self.tx.execute(
            "INSERT INTO runs (run_id, user_id, state, created_at, title, schema, output_config, plan)"
            " VALUES ($1, $2, 'queued', $3, $4, $5, $6, $7)",
            (new.run_id, new.user_id, new.created_at, new.title, new.schema, new.output_config, new.plan),
        )
        about = {"user_id": new.user_id, "created_at": new.created_at, "title": new.title}
        self._search.add(self.tx, new.run_id, **about, outputs=new.output_config, text=new.text)
        place = Place(new.run_id, 0)
        self._event(place, RunQueued(title=new.title, schema_=new.schema, output_config=new.output_config))
        for entity in new.entities:
            self._event(place, entity, entity.filename)
        self.tx.notify("runs")

    def begin_run(self, run_id: str) -> RunRow:
        """Take a run for a walk: a new generation fences off whoever walked it before.

        Raises:
            Fenced: it has ended, or another process walks it.
        """
        row = run_of(self._leases.claim(self.tx, run_id, self.at))
        if row.generation > 1:
            self._stops.count(self.tx, run_id)
        self._event(Place(run_id, row.generation), RunStarted())
        return row

    def end_run(self, place: Place, state: RunState, ended_at: str, error: Failure | None, text: str = "") -> bool:
        """Write the end of a run and index its final `text`; return whether it left a queue."""
        self.fence(place)
        self.tx.execute(
            "UPDATE runs SET state = $1, ended_at = $2, error = $3 WHERE run_id = $4",
            (state, ended_at, json.dumps(error.as_json()) if error else None, place.run_id),
        )
        left = self.tx.execute("DELETE FROM tickets WHERE run_id = $1", (place.run_id,)).rowcount > 0
        self._search.end(self.tx, place.run_id, state, text)
        ended = RunEnded(status=state, url=f"/api/runs/{place.run_id}")
        ended = ended.model_copy(update={"error": error}) if error else ended
        self._event(place, ended, row=self._search.line(self.tx, place.run_id))
        return left

    def ask_cancel(self, run_id: str) -> bool:
        """Set the run's cancel flag; False when it had ended already."""
        self._leases.accepted.pop(run_id, None)  # its row says more from now on
        sql = "UPDATE runs SET cancel = 1 WHERE run_id = $1 AND state IN ('queued', 'running')"
        self.tx.notify("cancel", run_id)
        return bool(self.tx.execute(sql, (run_id,)).rowcount)

    # Stages, takes, attempts

    def begin_stage(self, place: Place, *, at_work: bool = False) -> StageRow:
        """Begin a stage, or begin it again after a restart; an ended one is returned as it is.

        `at_work`: from now on a server that dies counts as one that died working on it.
        """
        row = self._begin(place, at_work=at_work)
        if not isinstance(row, StageRow):
            raise TypeError(f"{place} is no stage")
        return row

    def begin_take(self, place: Place, changes: Mapping[str, RecordedValue] | None = None) -> TakeRow:
        """Begin a take of a stage, as `begin_stage` does; one that was not planned may have `changes` of its own."""
        row = self._begin(place, result=TakeResult(changes={**changes}) if changes else None)
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
        self.fence(place)
        key = (place.run_id, place.stage, place.take, place.attempt)
        kept = json.dumps(result.as_json() if result else {})
        row = self.tx.execute(
            "INSERT INTO stages"
            " (run_id, stage, take, attempt, state, started_at, backend, prompt_id, result, number, at_work) VALUES"
            " ($1, $2, $3, $4, 'running', $5, $6, $7, $8, (SELECT count(*) + 1 FROM stages WHERE run_id = $9), $10)"
            " ON CONFLICT (run_id, stage, take, attempt) DO UPDATE SET at_work = excluded.at_work"
            " WHERE stages.state = 'running' RETURNING *",
            (
                *(*key, self.at, backend, prompt_id, kept, place.run_id),
                self._stops.process if at_work else None,
            ),
        ).fetchone()
        if place.attempt:
            before = Place(place.run_id, place.generation, place.stage, place.take, place.attempt - 1)
            again = self.stage(before) if place.attempt > 1 else None
            self._event(place, AttemptStarted(backend=backend) if backend else AttemptStarted(), row=again)
        elif not place.take:
            self._event(place, StageStarted())
        return part_of(row or self.tx.execute(STAGE, key).fetchone())

    def skip(self, place: Place, reason: str) -> None:
        """Note that a stage is left out, and why."""
        self.fence(place)
        row = self.tx.execute(
            "INSERT INTO stages (run_id, stage, state, started_at, ended_at, result, number)"
            " VALUES ($1, $2, 'skipped', $3, $4, $5, (SELECT count(*) + 1 FROM stages WHERE run_id = $6))"
            " ON CONFLICT (run_id, stage, take, attempt) DO NOTHING RETURNING *",
            (place.run_id, place.stage, self.at, self.at, json.dumps(Skipped(reason=reason).as_json()), place.run_id),
        ).fetchone()
        ended = StageEnded(status="skipped", reason=reason)
        self._event(place, ended, row=part_of(row) if row is not None else None)

    def end(self, place: Place, state: StageState, result: Result | None = None) -> None:
        """End a stage, take or attempt; `result` is merged into what is there. Only what goes on can end."""
        self.fence(place)
        row = self._merge(place, result or Result(), state)
        if row is None:
            return
        if isinstance(row, TakeRow):
            if state == "success":
                self._stops.set_back(self.tx, place.run_id, place.stage)
            return
        ended = AttemptEnded(status=state) if place.attempt else StageEnded(status=state)
        error = result.error if result else None
        self._event(place, ended.model_copy(update={"error": error}) if error else ended, row=row)

    def note(self, place: Place, result: Result) -> None:
        """Merge something that was decided into the result of a stage, take or attempt."""
        self.fence(place)
        self._merge(place, result)

    def _merge(self, place: Place, result: Result, state: StageState | None = None) -> PartRow | None:
        key = (place.run_id, place.stage, place.take, place.attempt)
        before = self.tx.execute(STAGE, key).fetchone()
        if before is None or (state is not None and before["state"] != "running"):
            return None
        merged = json.dumps({**json.loads(before["result"]), **result.as_json()})
        row = self.tx.execute(
            "UPDATE stages SET result = $1, state = coalesce(CAST($2 AS TEXT), state),"
            " ended_at = coalesce(CAST($3 AS TEXT), ended_at),"
            " at_work = CASE WHEN CAST($2 AS TEXT) IS NULL THEN at_work END"
            " WHERE run_id = $4 AND stage = $5 AND take = $6 AND attempt = $7 RETURNING *",
            (merged, state, self.at if state else None, *key),
        ).fetchone()
        return part_of(row)

    def keep_worked(self, place: Place, seconds: float) -> None:
        """Keep how long a take was worked on, all servers together."""
        self.fence(place)
        sql = "UPDATE stages SET worked_s = $1 WHERE run_id = $2 AND stage = $3 AND take = $4 AND attempt = 0"
        self.tx.execute(sql, (seconds, place.run_id, place.stage, place.take))

    def mark(self, place: Place, process: str | None) -> None:
        """Note which process works on something now; None where none does."""
        self.fence(place)
        self._stops.mark(self.tx, place, process)

    # Events

    def add_event(self, place: Place, data: Stored, key: str = "") -> None:
        """Store an event; one with the same place, kind and key is stored once."""
        self.fence(place)
        self._event(place, data, key)

    def replace_entity(self, place: Place, entity: Entity) -> None:
        """List a file of a run whose content may be another one than is listed; the last one stands."""
        listed = [event.data for event in self.events(place.run_id, entity.KIND) if isinstance(event.data, Entity)]
        known = [one for one in listed if one.filename == entity.filename]
        if not known or known[-1].sha256 != entity.sha256:
            self.add_event(place, entity, f"{entity.filename} {len(known)}" if known else entity.filename)
