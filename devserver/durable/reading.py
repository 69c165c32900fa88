"""Reading the journal within one transaction: runs, their stages and events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from devserver.durable.sql import Row, Transaction, marks
from devserver.model.entity import Entity
from devserver.model.events import Event, RunWarning, read_data
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult, StageResult, TakeResult
from devserver.model.rows import ENDED, AttemptRow, PartRow, Place, RunRow, StageRow, TakeRow

STAGE: Final = "SELECT * FROM stages WHERE run_id = $1 AND stage = $2 AND take = $3 AND attempt = $4"
RUN_FIELDS: Final = [field.name for field in fields(RunRow)]


def run_of(row: Row) -> RunRow:
    """Return a row of the table of runs with its types."""
    values = {name: row[name] for name in RUN_FIELDS}
    values["error"] = Failure.model_validate(json.loads(values["error"])) if values["error"] else None
    values["cancel"] = bool(values["cancel"])
    return RunRow(**values)


def part_of(row: Row) -> PartRow:
    """Return a row of the table of stages with its types."""
    values = dict(row)
    result = json.loads(values.pop("result"))
    if row["attempt"]:
        return AttemptRow(**values, result=AttemptResult.model_validate(result))
    if row["take"]:
        return TakeRow(**values, result=TakeResult.model_validate(result))
    return StageRow(**values, result=StageResult.model_validate(result))


def event_of(row: Row) -> Event:
    """Return a row of the table of events with its types."""
    place = (row["seq"], row["run_id"], row["stage"], row["take"], row["attempt"], row["at"])
    return Event(*place, read_data(row["kind"], json.loads(row["data"])))


class Reading:
    """The journal, as a transaction sees it."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    # Runs

    def run(self, run_id: str) -> RunRow | None:
        rows = self.tx.rows("SELECT * FROM runs WHERE run_id = $1", run_id)
        return run_of(rows[0]) if rows else None

    def owner(self, run_id: str) -> str | None:
        """Return the user who started a run; None where there is no such run."""
        rows = self.tx.rows("SELECT user_id FROM runs WHERE run_id = $1", run_id)
        return str(rows[0]["user_id"]) if rows else None

    def has_runs(self) -> bool:
        return bool(self.tx.rows("SELECT 1 FROM runs LIMIT 1"))

    def has_ended(self, run_id: str) -> bool:
        rows = self.tx.rows("SELECT state FROM runs WHERE run_id = $1", run_id)
        return bool(rows) and rows[0]["state"] in ENDED

    def unfinished(self) -> list[str]:
        """Return the runs that a start has to take up again, the oldest first."""
        sql = "SELECT run_id FROM runs WHERE state IN ('queued', 'running') ORDER BY created_at, run_id"
        return [row["run_id"] for row in self.tx.rows(sql)]

    # Stages, takes, attempts

    def stages(self, run_id: str) -> list[PartRow]:
        """Return every stage, take and attempt of a run, in the order in which they began."""
        return [part_of(row) for row in self.tx.rows("SELECT * FROM stages WHERE run_id = $1 ORDER BY number", run_id)]

    def stage(self, place: Place) -> PartRow | None:
        """Return the stage, take or attempt at a place."""
        rows = self.tx.rows(STAGE, place.run_id, place.stage, place.take, place.attempt)
        return part_of(rows[0]) if rows else None

    def last_attempt(self, place: Place) -> AttemptRow | None:
        """Return the newest attempt of a take."""
        sql = (
            "SELECT * FROM stages WHERE run_id = $1 AND stage = $2 AND take = $3 AND attempt > 0"
            " ORDER BY attempt DESC LIMIT 1"
        )
        rows = self.tx.rows(sql, place.run_id, place.stage, place.take)
        row = part_of(rows[0]) if rows else None
        return row if isinstance(row, AttemptRow) else None

    # Events

    def events_after(self, seq: int, run_id: str | None = None, limit: int = 1000) -> list[Event]:
        """Return the stored events with a greater number, in order."""
        sql = "SELECT * FROM events WHERE seq > $1 AND (CAST($2 AS TEXT) IS NULL OR run_id = $2) ORDER BY seq LIMIT $3"
        return [event_of(row) for row in self.tx.rows(sql, seq, run_id, limit)]

    def last_seq(self) -> int:
        """Return the number of the newest event, 0 where there is none."""
        return int(self.tx.rows("SELECT coalesce(max(seq), 0) AS newest FROM events")[0]["newest"])

    def events(self, run_id: str, kind: str) -> list[Event]:
        """Return all events of one kind of a run, in order."""
        sql = "SELECT * FROM events WHERE run_id = $1 AND kind = $2 ORDER BY seq"
        return [event_of(row) for row in self.tx.rows(sql, run_id, kind)]

    def events_of(self, run_ids: Sequence[str], kind: str) -> list[Event]:
        """Return all events of one kind of several runs, each run's in order."""
        if not run_ids:
            return []
        sql = f"SELECT * FROM events WHERE kind = $1 AND run_id IN ({marks(run_ids, 2)}) ORDER BY seq"  # noqa: S608 - placeholders
        return [event_of(row) for row in self.tx.rows(sql, kind, *run_ids)]

    # From events

    def entities(self, run_id: str) -> list[Entity]:
        """Return the files of a run, in the order of their numbers."""
        return _listed(self.events(run_id, "entity"))

    def entities_of(self, run_ids: Sequence[str]) -> dict[str, list[Entity]]:
        """Return the files of several runs, each run's in the order of their numbers; a run without any is left out."""
        events: dict[str, list[Event]] = {}
        for event in self.events_of(run_ids, "entity"):
            events.setdefault(str(event.run_id), []).append(event)
        return {run_id: _listed(own) for run_id, own in events.items()}

    def warnings(self, run_id: str) -> list[RunWarning]:
        """Return what the user must know, with the stage that it belongs to."""
        events = self.events(run_id, "warning")
        return [event.data.of_stage(event.stage) for event in events if isinstance(event.data, RunWarning)]


def _listed(events: Sequence[Event]) -> list[Entity]:
    """Return the files that stand: of an attempt that was lost, those of the one that followed."""
    newest: dict[tuple[str, int], int] = {}
    for event in events:
        newest[event.stage, event.take] = max(event.attempt, newest.get((event.stage, event.take), 0))
    standing = (event for event in events if not event.attempt or event.attempt == newest[event.stage, event.take])
    by_name = {event.data.filename: event.data for event in standing if isinstance(event.data, Entity)}
    replaced = {entity.replaces for entity in by_name.values()}
    listed = [entity for name, entity in by_name.items() if name not in replaced]
    return sorted(listed, key=lambda entity: (entity.number, entity.take, entity.name, entity.filename))
