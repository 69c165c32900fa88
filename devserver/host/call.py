"""Call one node the way ComfyUI does: inputs as lists, one call per item, outputs checked and made read-only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from devserver.host.node_class import declared_inputs, inputs_of, lists_of, run_node, takes_lists
from schemas.graph import Graph, link_of
from schemas.json_values import Json, JsonObject


@dataclass(frozen=True)
class Result:
    """A node's result: per output slot the list of its items, and its data for the user interface."""

    slots: list[list[object]]
    ui: JsonObject | None


def freeze(value: object) -> object:
    """Return a value for other nodes: containers rebuilt, floats as contiguous float32, every array read-only."""
    import numpy as np

    if isinstance(value, np.ndarray):
        array = np.require(value, np.float32 if value.dtype.kind == "f" else None, ["C"]).view()
        array.flags.writeable = False
        return array
    if isinstance(value, Mapping):
        return {key: freeze(item) for key, item in value.items()}
    if type(value) is list:
        return [freeze(item) for item in value]
    return tuple(map(freeze, value)) if type(value) is tuple else value


def gather(
    node_id: str, graph: Graph, cls: type, results: Mapping[str, Result], extra: Json
) -> dict[str, list[object]]:
    """Return every input of the node as a list of items: a constant is one item, a linked list output several."""
    known = declared_inputs(cls)
    inputs: dict[str, list[object]] = {}
    for name, value in graph[node_id]["inputs"].items():
        if link := link_of(value):
            slots = results[link.node].slots
            inputs[name] = [freeze(item) for item in slots[link.slot]] if link.slot < len(slots) else [None]
        elif name in known:
            inputs[name] = [value]
    filled = {"PROMPT": graph, "EXTRA_PNGINFO": extra, "UNIQUE_ID": node_id}
    hidden = inputs_of(cls).get("hidden", {})
    return inputs | {name: [filled[kind]] for name, kind in hidden.items() if kind in filled}


def call(cls: type, inputs: Mapping[str, list[object]], before_each: Callable[[], None]) -> Result:
    """Run the node once per item of its longest input (a shorter one repeats its last), and join the outputs.

    Each call gets a fresh object; `before_each` is called first and may raise to stop.

    Raises:
        TypeError, ValueError: the node returned an invalid result. Exceptions of the node itself pass through.
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
    return Result(
        _collect_slots(cls, [made for made, _ in returned]), _merge_ui([ui for _, ui in returned if ui is not None])
    )


def _collect_slots(cls: type, returned: list[tuple[object, ...]]) -> list[list[object]]:
    slots: list[list[object]] = []
    for slot, joined in enumerate(lists_of(cls)):
        made = [outputs[slot] for outputs in returned]
        slots.append([freeze(item) for item in (_join(made) if joined else made)])
    return slots


def _join(made: list[object]) -> Iterator[object]:
    for items in made:
        if not isinstance(items, Iterable):
            raise TypeError(f"an output that is a list is a {type(items).__name__}")
        yield from items


def _merge_ui(outputs: list[Mapping[str, list[Json]]]) -> JsonObject | None:
    if not outputs:
        return None
    return {key: [entry for ui in outputs for entry in ui[key]] for key in outputs[0]}


def describe_inputs(inputs: Mapping[str, list[object]] | None, limit: int = 2000) -> JsonObject:
    """Return the inputs for an error report: plain values as they are, others as text, long text shortened."""

    def to_plain(value: object) -> Json:
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        text = str(value)
        return text if len(text) <= limit else text[:limit] + "..."

    return {name: [to_plain(item) for item in items] for name, items in (inputs or {}).items()}
