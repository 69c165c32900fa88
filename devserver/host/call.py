"""Calls one node the way ComfyUI does: inputs as lists, one call per item, outputs checked and made read-only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from devserver.host.node_class import declared_inputs, inputs_of, lists_of, run_node, takes_lists
from schemas.graph import Graph, link_of
from schemas.json_values import Json, JsonObject


@dataclass(frozen=True)
class Result:
    """What a node made: per output slot the list of its items, and what it says to the user interface."""

    slots: list[list[object]]
    ui: JsonObject | None


def frozen(value: object) -> object:
    """The value as other nodes may see it: containers rebuilt, floats as contiguous float32, every array read-only."""
    import numpy as np

    if isinstance(value, np.ndarray):
        array = np.require(value, np.float32 if value.dtype.kind == "f" else None, ["C"]).view()
        array.flags.writeable = False
        return array
    if isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    if type(value) is list:
        return [frozen(item) for item in value]
    return tuple(map(frozen, value)) if type(value) is tuple else value


def gather(
    node_id: str, graph: Graph, cls: type, results: Mapping[str, Result], extra: Json
) -> dict[str, list[object]]:
    """Every input of the node as a list of items: a constant is one item, a linked list output several."""
    known = declared_inputs(cls)
    inputs: dict[str, list[object]] = {}
    for name, value in graph[node_id]["inputs"].items():
        if link := link_of(value):
            slots = results[link.node].slots
            inputs[name] = [frozen(item) for item in slots[link.slot]] if link.slot < len(slots) else [None]
        elif name in known:
            inputs[name] = [value]
    filled = {"PROMPT": graph, "EXTRA_PNGINFO": extra, "UNIQUE_ID": node_id}
    hidden = inputs_of(cls).get("hidden", {})
    return inputs | {name: [filled[kind]] for name, kind in hidden.items() if kind in filled}


def call(cls: type, inputs: Mapping[str, list[object]], before_each: Callable[[], None]) -> Result:
    """Run the node once per item of its longest input (a shorter one repeats its last), and join what it returns.

    Each call gets a fresh object; `before_each` is called first and may raise to stop.

    Raises:
        TypeError, ValueError: the node returned what no host can pass on. Whatever the node raises passes through.
    """
    returned = []
    batches: list[dict[str, object]] = [dict(inputs)]
    if not takes_lists(cls):
        count = max((len(items) for items in inputs.values()), default=1)
        batches = [
            {name: items[min(index, len(items) - 1)] for name, items in inputs.items()} for index in range(count)
        ]
    for batch in batches:
        before_each()
        returned.append(run_node(cls, batch))
    return Result(_slots(cls, [made for made, _ in returned]), _ui([ui for _, ui in returned if ui is not None]))


def _slots(cls: type, returned: list[tuple[object, ...]]) -> list[list[object]]:
    slots: list[list[object]] = []
    for slot, joined in enumerate(lists_of(cls)):
        made = [outputs[slot] for outputs in returned]
        slots.append([frozen(item) for item in (_joined(made) if joined else made)])
    return slots


def _joined(made: list[object]) -> Iterator[object]:
    for items in made:
        if not isinstance(items, Iterable):
            raise TypeError(f"an output that is a list is a {type(items).__name__}")
        yield from items


def _ui(said: list[Mapping[str, list[Json]]]) -> JsonObject | None:
    if not said:
        return None
    return {key: [entry for ui in said for entry in ui[key]] for key in said[0]}


def shown(inputs: Mapping[str, list[object]] | None, limit: int = 2000) -> JsonObject:
    """The inputs as an error report carries them: plain values as they are, others as text, long text cut."""

    def plain(value: object) -> Json:
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        text = str(value)
        return text if len(text) <= limit else text[:limit] + "..."

    return {name: [plain(item) for item in items] for name, items in (inputs or {}).items()}
