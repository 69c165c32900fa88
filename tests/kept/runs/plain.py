"""Without what differs from time to time: durations, sizes that depend on them, and the machine that was at work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

# Of an attempt's result: how busy and how large the backend's machine was.
MOMENT: Final = frozenset(
    {"in_flight", "last_problem", "silences", "waited_s", "execution_time", "low_seconds", "high_seconds"}
)
MACHINE: Final = frozenset({"devices", "versions", "rendered_with"})
SHOWN_CHARACTERS: Final = 60


def plain(value: Any, drop: Iterable[str] = (), *, path: tuple[str, ...] = ()) -> Any:
    """Return the value without what another run of the same request would have otherwise."""
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in drop}
        return _told_alike({name: _named(name, each, drop, (*path, name)) for name, each in kept.items()})
    if isinstance(value, (list, tuple)):
        return [plain(each, drop, path=path) for each in value]
    return value


def _named(name: str, value: Any, drop: Iterable[str], path: tuple[str, ...]) -> Any:
    if name in MOMENT:
        return None if value is None else f"<{name}>"
    if name in MACHINE:
        return sorted(value) if isinstance(value, dict) else [sorted(each) for each in value]
    if name == "attempts" and isinstance(value, list):  # of takes that ran side by side
        value = sorted(value, key=lambda attempt: (attempt["take"], attempt["attempt"]))
    if name == "graph_sha256" and isinstance(value, str):
        return f"sha256:{value[:16]}"
    if isinstance(value, float) and _is_measured(path):
        return round(value, 1)
    return plain(value, drop, path=path)


def _is_measured(path: tuple[str, ...]) -> bool:
    return path[-1] == "peak_dbfs" or not {"mastering", "balance_db", "measurements", "style"}.isdisjoint(path)


def _told_alike(told: dict[str, Any]) -> dict[str, Any]:
    if {"started_at", "seconds"} <= told.keys():  # of a stage, or of a node
        told = {**told, "seconds": None if told["seconds"] is None else "<seconds>"}
    if {"filename", "bytes"} <= told.keys() and not str(told["filename"]).endswith(".txt"):
        told = {**told, "bytes": "<bytes>"}  # its tags name the run and its request
        told |= {"sha256": "<sha256>"} if "sha256" in told else {}
    if "nodes" in told.get("result", {}) and _was_not_heard_to_its_end(told):
        told = {**told, "result": {**told["result"], "nodes": "<nodes>"}}
    if told.keys() >= {"status", "links"} and told["status"] in ("queued", "running"):
        told = {**told, "status": "<queued or running>"}
    if {"file", "kind", "name", "sha256"} <= told.keys():  # a definition
        told = {**told, "sha256": "<sha256>"}
    return told


def _was_not_heard_to_its_end(attempt: dict[str, Any]) -> bool:
    return attempt["state"] == "lost" or not attempt["result"].get("cancel", {}).get("confirmed", True)


def plain_plan(plan: dict[str, Any], *, whole: bool) -> Any:
    """Return a plan; where it is not whole, of what it has copied from definitions the names alone."""
    return plain(_shortened(plan) if whole else _named_alone(plan))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items() if name != "definitions"}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return f"{value[: SHOWN_CHARACTERS // 2]}... sha256:{hashlib.sha256(value.encode()).hexdigest()[:12]}"
    return value


def _named_alone(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        if key in ("chunk", "text", "interception"):
            return value.get("name")
        return {name: _named_alone(each, name) for name, each in value.items() if name != "definitions"}
    return [_named_alone(each) for each in value] if isinstance(value, list) else value


def in_order(events: list[dict[str, Any]]) -> Any:
    """Return the events as they came; those of takes and stages that ran side by side, each in a list of its own.

    Files of one attempt are taken in side by side: neighbours among them are sorted by name.
    """
    lanes: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        lanes.setdefault(f"{event['stage']}/{event['take']}", []).append(event)
    takes = {lane for lane in lanes if not lane.endswith("/0")}
    if len(takes) <= 1:
        return _files_sorted(events)
    return {lane: _files_sorted(found) for lane, found in sorted(lanes.items())}


def _files_sorted(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for is_file, neighbours in groupby(events, lambda event: bool(event["kind"] == "entity" and event["attempt"])):
        found = list(neighbours)
        told += sorted(found, key=lambda event: str(event["data"]["filename"])) if is_file else found
    return told
