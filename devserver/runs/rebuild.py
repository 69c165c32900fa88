"""The journal, rebuilt from the run folders: what a machine can know is in their records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from devserver.durable.journal import Journal
from devserver.durable.search import Search
from devserver.durable.sql import Transaction
from devserver.errors import TonewrightError
from devserver.files.exports import Exports
from devserver.model.events import RunEnded, RunQueued, Stored
from devserver.model.failure import Failure
from devserver.model.plan import Plan
from devserver.model.record import WAITING, Record
from devserver.model.rows import ENDED
from schemas.texts import Unreadable, parse_json, read_text

UNFINISHED: Final = "The journal was lost while this run was going on; run it again."


class BadRecord(TonewrightError):
    """A file of a run cannot be read back; the message names it."""


async def rebuild(journal: Journal, exports: Exports) -> tuple[int, list[str]]:
    """Read every record that the journal does not have. Returns how many, and what could not be read and why."""
    count, wrong = 0, []
    for folder in exports.run_folders():
        if await journal.run(folder.name) is not None:
            continue
        try:
            record, plan = _record(folder / "metadata.json"), _plan(folder / "01_config.json")
            await journal.database.write(partial(_restore, journal.search, record, plan))
            count += 1
        except BadRecord as e:
            wrong.append(f"{folder.name}/{e}")
        except Exception as e:  # noqa: BLE001 - a record of another shape may fail anywhere; the other runs are read all the same
            wrong.append(f"{folder.name}/metadata.json: is no record of a run: {type(e).__name__}: {e}")
    return count, wrong


def _record(path: Path) -> Record:
    try:
        return Record.model_validate(parse_json(read_text(path)))
    except Unreadable as e:
        raise BadRecord(f"{path.name}:{e.line}: {e.reason}") from e
    except ValidationError as e:
        fault = e.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"]))
        raise BadRecord(f"{path.name}: is no record of a run: {place}: {fault['msg']}") from e


def _plan(path: Path) -> str:
    """Read the run's plan; BadRecord where no run could be walked, shown or made again by it."""
    try:
        text = read_text(path)
        Plan.model_validate_json(text)
    except Unreadable as e:
        raise BadRecord(f"{path.name}:{e.line}: {e.reason}") from e
    except ValueError as e:
        raise BadRecord(f"{path.name}: is no plan of a run: {' '.join(str(e).split()[:40])}") from e
    return text


def _restore(search: Search, record: Record, plan: str, tx: Transaction) -> None:
    run_id, ended = record.run_id, record.status in ENDED
    error = record.error if ended else Failure(code="journal_lost", message=UNFINISHED, hint="", status=500)
    configs = ", ".join(output.config for output in record.resolved.outputs)
    tx.execute(
        "INSERT INTO runs (run_id, user_id, state, created_at, started_at, ended_at, title, schema,"
        " output_config, plan, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        (
            *(run_id, record.user_id, record.status if ended else "failed", record.created_at, record.started_at),
            *(record.ended_at, record.title, record.resolved.schema_, configs, plan),
            json.dumps(error.as_json()) if error else None,
        ),
    )
    for number, row in enumerate(_rows(record), start=1):
        tx.execute(
            "INSERT INTO stages (stage, take, attempt, state, started_at, ended_at, backend, prompt_id, result,"
            " run_id, number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            (*row, run_id, number),
        )
    search.read(tx, run_id)
    for stage, take, data, key in _events(record):
        tx.execute("UPDATE counters SET value = value + 1 WHERE name = 'event'")
        kept = (run_id, stage, take, data.event_kind, key, json.dumps(data.as_json()))
        tx.execute(
            "INSERT INTO events (seq, run_id, stage, take, kind, key, data, at)"
            " SELECT value, $1, $2, $3, $4, $5, $6, $7 FROM counters WHERE name = 'event'",
            (*kept, record.ended_at or record.created_at),
        )


def _rows(record: Record) -> Iterator[tuple[str | int | None, ...]]:
    """Yield the rows of all stages, takes and attempts, without the run and their number."""
    for stage in record.stages:
        if stage.state == WAITING:
            continue
        state = stage.state if stage.state != "running" else "failed"
        kept = json.dumps(stage.result.as_json())
        yield stage.name, 0, 0, state, stage.started_at, stage.ended_at, None, None, kept
        for take in stage.takes:
            kept = json.dumps(take.result.as_json())
            yield stage.name, take.take, 0, take.state, take.started_at, take.ended_at, None, None, kept
        for one in stage.attempts:
            times, kept = (one.started_at, one.ended_at), json.dumps(one.result.as_json())
            yield (stage.name, one.take, one.attempt, one.state, *times, one.backend, one.prompt_id, kept)


def _events(record: Record) -> Iterator[tuple[str, int, Stored, str]]:
    """Yield stage, take, data and key of everything that the record lists."""
    yield "", 0, RunQueued(title=record.title, schema_=record.resolved.schema_), ""
    for entity in record.entities:
        yield entity.stage, entity.take, entity, entity.filename
    for number, measurement in enumerate(record.measurements):
        yield "", 0, measurement, str(number)
    for warning in record.warnings:
        yield warning.stage, 0, warning, warning.code
    yield "", 0, RunEnded(status=record.status, error=record.error), ""
