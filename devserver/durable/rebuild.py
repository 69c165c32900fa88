"""The journal, rebuilt from the run folders: what a machine can know is in their records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from devserver.durable.journal import Journal
from devserver.durable.search import Search
from devserver.durable.sql import Transaction
from devserver.errors import TonewrightError
from devserver.plan import Plan
from devserver.runs.rows import ENDED
from devserver.store import RUN_ID, Exports
from schemas.texts import Unreadable, parse_json, read_text

RUN_COLUMNS: Final = [
    "run_id",
    "user_id",
    "state",
    "created_at",
    "started_at",
    "ended_at",
    "title",
    "schema",
    "output_config",
    "plan",
]
STAGE_COLUMNS: Final = ["stage", "take", "attempt", "state", "started_at", "ended_at", "backend", "prompt_id"]
UNFINISHED: Final = "The journal was lost while this run was going on; run it again."


class BadRecord(TonewrightError):
    """A file of a run cannot be read back; the message names it."""


async def rebuild(journal: Journal, exports: Exports) -> tuple[int, list[str]]:
    """Read every record that the journal does not have. Returns how many, and what could not be read and why."""
    count, wrong = 0, []
    for folder in sorted(exports.root.iterdir()):
        if not RUN_ID.fullmatch(folder.name) or await journal.run(folder.name) is not None:
            continue
        try:
            record, plan = _read(folder / "metadata.json"), _plan(folder / "01_config.json")
            run = _Run(_row(record, plan), _stages(record), _events(record))
            await journal.database.write(lambda tx: _restore(tx, journal.search, run))  # noqa: B023 - awaited at once
            count += 1
        except BadRecord as e:
            wrong.append(f"{folder.name}/{e}")
        except Exception as e:  # noqa: BLE001 - a record of another shape may fail anywhere; the other runs are read all the same
            wrong.append(f"{folder.name}/metadata.json: is no record of a run: {type(e).__name__}: {e}")
    return count, wrong


def _read(path: Path) -> Any:
    try:
        return parse_json(read_text(path))
    except Unreadable as e:
        raise BadRecord(f"{path.name}:{e.line}: {e.reason}") from e


def _plan(path: Path) -> str:
    """The run's plan as it is kept; BadRecord where no run could be walked, shown or made again by it."""
    try:
        text = read_text(path)
        Plan.model_validate_json(text)
    except Unreadable as e:
        raise BadRecord(f"{path.name}:{e.line}: {e.reason}") from e
    except ValueError as e:
        raise BadRecord(f"{path.name}: is no plan of a run: {' '.join(str(e).split()[:40])}") from e
    return text


@dataclass(frozen=True)
class _Run:
    """What the journal has of a run; an event is (stage, take, kind, key, data)."""

    row: dict[str, Any]
    stages: list[dict[str, Any]]
    events: list[tuple[str, int, str, str, dict[str, Any]]]


def _restore(tx: Transaction, search: Search, run: _Run) -> None:
    row, run_id = run.row, run.row["run_id"]
    tx.execute(
        "INSERT INTO runs (run_id, user_id, state, created_at, started_at, ended_at, title, schema,"
        " output_config, plan, error) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        (*(row[name] for name in RUN_COLUMNS), json.dumps(row["error"]) if row["error"] else None),
    )
    for number, stage in enumerate(run.stages, start=1):
        tx.execute(
            "INSERT INTO stages (stage, take, attempt, state, started_at, ended_at, backend, prompt_id,"
            " run_id, result, number) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            (*(stage[name] for name in STAGE_COLUMNS), run_id, json.dumps(stage["result"]), number),
        )
    search.read(tx, run_id)
    at = row["ended_at"] or row["created_at"]
    for name, take, kind, key, data in run.events:
        tx.execute("UPDATE counters SET value = value + 1 WHERE name = 'event'")
        tx.execute(
            "INSERT INTO events (seq, run_id, stage, take, kind, key, data, at)"
            " SELECT value, $1, $2, $3, $4, $5, $6, $7 FROM counters WHERE name = 'event'",
            (run_id, name, take, kind, key, json.dumps(data), at),
        )


def _row(record: dict[str, Any], plan: str) -> dict[str, Any]:
    ended = record["status"] in ENDED
    lost = {"code": "journal_lost", "message": UNFINISHED, "hint": "", "status": 500}
    return {
        **{name: record[name] for name in ("run_id", "user_id", "title", "created_at", "started_at", "ended_at")},
        "state": record["status"] if ended else "failed",
        "schema": record["resolved"]["schema"],
        "output_config": ", ".join(output["config"] for output in record["resolved"]["outputs"]),
        "plan": plan,
        "error": record["error"] if ended else lost,
    }


def _stages(record: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for stage in record["stages"]:
        if stage["state"] == "waiting":
            continue
        state = stage["state"] if stage["state"] != "running" else "failed"
        own = {"stage": stage["name"], "attempt": 0, "backend": None, "prompt_id": None}
        times = {"started_at": stage["started_at"], "ended_at": stage["ended_at"]}
        rows.append({**own, "take": 0, "state": state, **times, "result": stage["result"]})
        rows += [{**own, **take} for take in stage.get("takes", [])]
        for attempt in stage.get("attempts", []):
            rows.append({"stage": stage["name"], **attempt})
    return rows


def _events(record: dict[str, Any]) -> list[tuple[str, int, str, str, dict[str, Any]]]:
    """(stage, take, kind, key, data) of everything that the record lists."""
    run = {"title": record["title"], "schema": record["resolved"]["schema"]}
    events: list[tuple[str, int, str, str, dict[str, Any]]] = [("", 0, "run.queued", "", run)]
    events += [(e["stage"], e["take"], "entity", e["filename"], e) for e in record["entities"]]
    events += [(w["stage"], 0, "warning", w["code"], w) for w in record["warnings"]]
    events.append(("", 0, "run.ended", "", {"status": record["status"], "error": record["error"]}))
    return events
