"""Calls one node the way ComfyUI does: inputs as lists, one call per item, outputs checked and made read-only."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from devserver.nodes.host import checked_output
from schemas.graph import Graph, link_of


@dataclass(frozen=True)
class Result:
    """What a node made: per output slot the list of its items, and what it says to the user interface."""

    slots: list[list[Any]]
    ui: dict[str, list[Any]] | None


def frozen(value: Any) -> Any:
    """The value as other nodes may see it: containers rebuilt, floats as contiguous float32, every array read-only."""
    import numpy as np

    if isinstance(value, np.ndarray):
        array = np.require(value, np.float32 if value.dtype.kind == "f" else None, ["C"]).view()
        array.flags.writeable = False
        return array
    if isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    return type(value)(map(frozen, value)) if type(value) in (list, tuple) else value


def gather(
    node_id: str, graph: Graph, cls: type[Any], results: Mapping[str, Result], extra: Any
) -> dict[str, list[Any]]:
    """Every input of the node as a list of items: a constant is one item, a linked list output several."""
    declared = cls.INPUT_TYPES()
    known = {**declared.get("required", {}), **declared.get("optional", {})}
    inputs: dict[str, list[Any]] = {}
    for name, value in graph[node_id]["inputs"].items():
        if link := link_of(value):
            slots = results[link.node].slots
            inputs[name] = [frozen(item) for item in slots[link.slot]] if link.slot < len(slots) else [None]
        elif name in known:
            inputs[name] = [value]
    hidden = {"PROMPT": graph, "EXTRA_PNGINFO": extra, "UNIQUE_ID": node_id}
    inputs |= {name: [hidden[kind]] for name, kind in declared.get("hidden", {}).items() if kind in hidden}
    return inputs


def call(cls: type[Any], inputs: Mapping[str, list[Any]], before_each: Callable[[], None]) -> Result:
    """Run the node once per item of its longest input (a shorter one repeats its last), and join what it returns.

    Each call gets a fresh object; `before_each` is called first and may raise to stop.

    Raises:
        TypeError, ValueError: the node returned what no host can pass on. Whatever the node raises passes through.
    """
    returned = []
    if getattr(cls, "INPUT_IS_LIST", False):
        batches: list[dict[str, Any]] = [dict(inputs)]
    else:
        count = max((len(items) for items in inputs.values()), default=1)
        batches = [
            {name: items[min(index, len(items) - 1)] for name, items in inputs.items()} for index in range(count)
        ]
    for batch in batches:
        before_each()
        returned.append(checked_output(cls, getattr(cls(), cls.FUNCTION)(**batch)))
    return Result(_slots(cls, returned), _ui(returned))


def _slots(cls: type[Any], returned: list[Any]) -> list[list[Any]]:
    tuples = [out.get("result", ()) if isinstance(out, Mapping) else out for out in returned]
    is_list = getattr(cls, "OUTPUT_IS_LIST", (False,) * len(cls.RETURN_TYPES))
    slots: list[list[Any]] = []
    for slot, joined in enumerate(is_list):
        made = [out[slot] for out in tuples]
        slots.append([frozen(item) for item in (chain.from_iterable(made) if joined else made)])
    return slots


def _ui(returned: list[Any]) -> dict[str, list[Any]] | None:
    said = [out["ui"] for out in returned if isinstance(out, Mapping) and "ui" in out]
    if not said:
        return None
    return {key: [entry for ui in said for entry in ui[key]] for key in said[0]}


def shown(inputs: Mapping[str, list[Any]] | None, limit: int = 2000) -> dict[str, list[Any]]:
    """The inputs as an error report carries them: plain values as they are, others as text, long text cut."""

    def plain(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        text = str(value)
        return text if len(text) <= limit else text[:limit] + "..."

    return {name: [plain(item) for item in items] for name, items in (inputs or {}).items()}
