"""What is to be seen of a run that has ended: its answers, its folder, what its files hold, and its events."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.doubles.programs import Server
from tests.kept.runs.listening import events_of, resumed
from tests.kept.runs.media import media_of
from tests.kept.runs.plain import in_order, plain, plain_plan

PATIENCE_S: Final = 180.0  # no passing test waits for it
RECORD: Final = "metadata.json"
PORT: Final = {r"(?<='127\.0\.0\.1', )\d+": "port"}  # as the system names an address that does not answer
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def seen(
    server: Server,
    run_id: str,
    *,
    plan: bool = False,
    whole_plan: bool = False,
    final: bool = True,
    drop: Iterable[str] = (),
) -> dict[str, Any]:
    """Return everything that can be seen of an ended run, as JSON.

    Args:
        plan: whether the plan is given, with the names of what it has copied from definitions.
        whole_plan: whether it is given with the definitions that it has copied.
        final: whether the record is waited for that tells the run's end.
        drop: keys of results whose value depends on the moment, such as how often a backend was silent.
    """
    status, answer = server.ended(run_id)
    folder = server.exports / run_id
    record = final_record(folder) if final else json.loads((folder / RECORD).read_bytes())
    detail = server.run(run_id)
    events = events_of(server, run_id)
    told = {
        "answer": [status, _shorter(plain(answer, drop))],
        "detail": {name: plain(value) for name, value in detail.items() if name not in record},
        "detail_has_the_record": {name: detail[name] for name in record} == record,
        "files": files_of(folder),
        "record": plain(record, drop),
        "plan": plain_plan(json.loads((folder / "01_config.json").read_bytes()), whole=whole_plan) if plan else {},
        "texts": _texts(folder),
        "graphs": _graphs(folder),
        "media": media_of(folder, drop),
        "events": in_order([plain(_told(event, record), drop) for event in events]),
        "resumed": resumed(server, run_id, events),
    }
    return {name: value for name, value in told.items() if value not in ({}, [])}


def made(
    server: Server, *, plan: bool = False, whole_plan: bool = False, drop: Iterable[str] = (), **body: Any
) -> dict[str, Any]:
    """Return what is to be seen of a run that is asked for and waited for, and whether both answers were the same."""
    status, answer = server.execute(**body)
    assert "run_id" in answer, answer
    told = seen(server, answer["run_id"], plan=plan or whole_plan, whole_plan=whole_plan, drop=drop)
    told["execute_answers_the_same"] = [status, _shorter(plain(answer, drop))] == told["answer"]
    return told


def _shorter(answer: dict[str, Any]) -> dict[str, Any]:
    """Say in words that an answer gives its first output twice."""
    twice = answer.get("media_outputs") and answer["media_output"] == answer["media_outputs"][0]
    return {**answer, "media_output": "the first of media_outputs"} if twice else answer


def _told(event: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Return what differs from one event of a run to the next; what the record has too is told in words."""
    assert (event["run_id"], bool(TIME.fullmatch(event["at"]))) == (record["run_id"], True), event
    told = {name: event[name] for name in ("kind", "stage", "take", "attempt", "data")}
    if event["kind"] == "entity" and event["data"] in record["entities"]:
        told["data"] = {"filename": event["data"]["filename"], "the_rest": "as the record has it"}
    if event["kind"] == "run.ended" and event["data"].get("error") == record["error"] is not None:
        told["data"] = {**event["data"], "error": "as the record has it"}
    return told


def final_record(folder: Path) -> dict[str, Any]:
    """Return the record once it is the last one and nothing beside it is on its way."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        path = folder / RECORD
        record: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {"ended_at": None}
        if record["ended_at"] and not (folder / ".partials").exists() and not list(folder.glob("*.part")):
            return record
        time.sleep(0.02)
    raise AssertionError(f"{folder} does not settle: {sorted(path.name for path in folder.iterdir())}")


def files_of(folder: Path) -> list[str]:
    """Return the names of all files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _texts(folder: Path) -> dict[str, Any]:
    texts: dict[str, Any] = {path.name: path.read_text("utf8").splitlines() for path in folder.glob("*.txt")}
    judged = {path.name: plain(json.loads(path.read_bytes())) for path in folder.glob("0?_safety*.json")}
    return texts | judged


def _graphs(folder: Path) -> dict[str, Any]:
    paths = [*folder.glob("06_graph*.json"), *folder.glob("*_graph.json"), *folder.glob("*.bound.json")]
    return {path.name: json.loads(path.read_bytes()) for path in paths}
