"""What of a message is compared: its keys, the types of its values, and which kinds of values a list holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TRANSCRIPTS = Path(__file__).parent / "transcripts"

# The keys below these are node ids or prompt ids: every value under them must have the same shape, whatever its key.
KEYED_BY_ID = frozenset({"nodes", "outputs", "meta", "node_errors"})


def shape(value: Any, key: str = "") -> Any:
    """The value with every scalar replaced by the name of its type; int and float are both "number"."""
    if key == "current_inputs" and all(isinstance(items, list) for items in value.values()):
        return "lists by input"
    if isinstance(value, dict):
        if key in KEYED_BY_ID:
            return {"*": _kinds([shape(item) for item in value.values()])}
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return _kinds([shape(item) for item in value])
    if value is None or isinstance(value, bool):
        return "null" if value is None else "bool"
    return "number" if isinstance(value, (int, float)) else "string"


def _kinds(shapes: list[Any]) -> list[Any]:
    """Every kind once, in the order in which it came first."""
    kinds: list[Any] = []
    for each in shapes:
        if each not in kinds:
            kinds.append(each)
    return kinds


def entry_shape(entry: dict[str, Any]) -> dict[str, Any]:
    """A history entry or a row of the queue: the graph in it is left out."""
    number, prompt_id, _graph, extra, outputs = entry["prompt"]
    return {**shape({**entry, "prompt": [[number, prompt_id, outputs]]}), "extra": shape(extra)}


def event_shapes(events: list[dict[str, Any]]) -> list[Any]:
    """Every text message in its order, each as type and shape; pictures and times of arrival are left out."""
    return [[event["type"], shape(event["data"])] for event in events if "type" in event]


def kinds_in_order(events: list[dict[str, Any]]) -> list[str]:
    """Each type of message at its first appearance: the order of a run, however long it was."""
    return list(dict.fromkeys(event["type"] for event in events if "type" in event))


def transcript(number: str) -> Any:
    """A recorded session with a real ComfyUI, by the number in its file's name."""
    (path,) = TRANSCRIPTS.glob(f"{number}_*.json")
    return json.loads(path.read_text())
