"""What somebody hands in as a graph: which of ComfyUI's two forms it has, and what refuses it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from schemas.graph import Graph
from schemas.limits import Limit, api_excess, excess_of
from schemas.texts import Unreadable, parse_json

MOST_TOLD, LONGEST_TOLD = 100, 1_000
Form = Literal["api", "ui"]


class ImportRefused(ValueError):
    """The graph cannot be made into a definition; nothing was written.

    Attributes:
        problems: the reasons, one sentence each.
        absent: the node classes that no table has, by name.
        limit: which limit is exceeded, by what value, where that is the reason.
        no_graph: whether the file that was given holds none, or cannot be read.
    """

    def __init__(
        self,
        message: str,
        problems: Iterable[str] = (),
        absent: Iterable[str] = (),
        limit: tuple[Limit, int] | None = None,
        *,
        no_graph: bool = False,
    ) -> None:
        self.message = message
        self.problems = shortened(problems)
        self.absent = tuple(absent)
        self.limit = limit
        self.no_graph = no_graph
        super().__init__(message)


def shortened(sentences: Iterable[str]) -> tuple[str, ...]:
    """As many as a person reads, and how many more there are; each cut where it is very long."""
    texts = list(sentences)
    kept = [text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]} ..." for text in texts[:MOST_TOLD]]
    return tuple(kept if len(kept) == len(texts) else [*kept, f"and {len(texts) - len(kept)} more"])


def refuse_excess(limit: Limit, value: int) -> None:
    """Raise ImportRefused where a limit is exceeded."""
    if message := limit.exceeded(value):
        raise ImportRefused(message, limit=(limit, value))


def absent_classes(names: Iterable[str]) -> ImportRefused:
    """The refusal that names the classes that no table has."""
    absent = sorted(set(names))
    told = ", ".join(shortened(absent))
    message = f"no node table has {'the class' if len(absent) == 1 else 'these classes'}: {told}"
    return ImportRefused(message, absent=absent[:MOST_TOLD])


def parse_graph(text: str) -> dict[str, Any]:
    """The JSON object in a text; ImportRefused where it is none. NaN and Infinity become null, as on ComfyUI's page."""
    try:
        content = without_endless(parse_json(text, endless=True))
    except Unreadable as e:
        raise ImportRefused(f"this {e.reason} (line {e.line})") from e
    if not isinstance(content, dict):
        raise ImportRefused("this is JSON, but no graph: a graph is an object")
    return content


def without_endless(value: Any) -> Any:
    """The value with null in the place of each number that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: without_endless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_endless(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def form_of(content: Mapping[str, Any]) -> Form:
    """Which form a graph has; ImportRefused with the node that fits neither."""
    if isinstance(content.get("nodes"), list):
        return "ui"
    if not content:
        raise ImportRefused("the graph is empty")
    for node_id, node in content.items():
        if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
            raise ImportRefused(
                f"this is no graph of ComfyUI: {node_id} has no class_type, and there is no list `nodes`"
            )
        if not isinstance(node.get("inputs"), Mapping):
            raise ImportRefused(f"node {node_id} ({node['class_type']}) has no inputs")
    return "api"


def unwrapped(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The graph itself, where it lies as `prompt` or `workflow` in what was sent or recorded with it."""
    for key in ("prompt", "workflow"):
        inner = content.get(key)
        if isinstance(inner, Mapping) and "class_type" not in inner:
            return inner
    return content


def api_graph(content: Mapping[str, Any]) -> Graph:
    """A copy of a graph in API form: its node ids as text, of each node the class, the inputs and the title.

    Raises:
        ImportRefused: it is larger than a graph may be.
    """
    if excess := excess_of(api_excess(content)):
        refuse_excess(*excess)
    graph: Graph = {}
    for node_id, node in content.items():
        title = (node.get("_meta") or {}).get("title") if isinstance(node.get("_meta"), Mapping) else None
        graph[str(node_id)] = {"class_type": node["class_type"], "inputs": json.loads(json.dumps(dict(node["inputs"])))}
        if isinstance(title, str) and title:
            graph[str(node_id)]["_meta"] = {"title": title}
    return graph
