"""What somebody hands in as a graph: which of ComfyUI's two forms it has, and what refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from schemas.nodes import Graph

Form = Literal["api", "ui"]


class ImportRefused(ValueError):
    """The graph cannot be made into a definition; nothing was written.

    Attributes:
        problems: every reason, one sentence each.
        absent: the node classes that no table has, by name.
    """

    def __init__(self, message: str, problems: Iterable[str] = (), absent: Iterable[str] = ()) -> None:
        self.message = message
        self.problems = tuple(problems)
        self.absent = tuple(absent)
        super().__init__(message)


def absent_classes(names: Iterable[str]) -> ImportRefused:
    """The refusal that names every class that no table has."""
    absent = sorted(set(names))
    message = f"no node table has {'the class' if len(absent) == 1 else 'these classes'}: {', '.join(absent)}"
    return ImportRefused(message, absent=absent)


def parse_graph(text: str) -> dict[str, Any]:
    """The JSON object in a text; ImportRefused where it is none."""
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except RecursionError as e:
        raise ImportRefused("the JSON is nested too deeply") from e
    except ValueError as e:
        raise ImportRefused(f"this is not JSON: {e}") from e
    if not isinstance(content, dict):
        raise ImportRefused("this is JSON, but no graph: a graph is an object")
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


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
    """A copy of a graph in API form: its node ids as text, of each node the class, the inputs and the title."""
    graph: Graph = {}
    for node_id, node in content.items():
        title = (node.get("_meta") or {}).get("title") if isinstance(node.get("_meta"), Mapping) else None
        graph[str(node_id)] = {"class_type": node["class_type"], "inputs": json.loads(json.dumps(dict(node["inputs"])))}
        if isinstance(title, str) and title:
            graph[str(node_id)]["_meta"] = {"title": title}
    return graph
