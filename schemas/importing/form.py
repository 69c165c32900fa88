"""Read a graph that a user sent: detect which of ComfyUI's two forms it has, and refuse invalid ones."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Literal

from schemas.graph import Graph, is_node
from schemas.json_values import Json, JsonObject, read_object
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
        self.problems = shorten(problems)
        self.absent = tuple(absent)
        self.limit = limit
        self.no_graph = no_graph
        super().__init__(message)


def shorten(sentences: Iterable[str]) -> tuple[str, ...]:
    """Return the first reasons, each shortened, and the number of others."""
    texts = list(sentences)
    kept = [text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]} ..." for text in texts[:MOST_TOLD]]
    return tuple(kept if len(kept) == len(texts) else [*kept, f"and {len(texts) - len(kept)} more"])


def refuse_excess(limit: Limit, value: int) -> None:
    """Raise ImportRefused where a limit is exceeded."""
    if message := limit.describe_excess(value):
        raise ImportRefused(message, limit=(limit, value))


def absent_classes_error(names: Iterable[str]) -> ImportRefused:
    """Return the refusal that names the classes that no table has."""
    absent = sorted(set(names))
    names = ", ".join(shorten(absent))
    message = f"no node table has {'the class' if len(absent) == 1 else 'these classes'}: {names}"
    return ImportRefused(message, absent=absent[:MOST_TOLD])


def parse_graph(text: str) -> JsonObject:
    """Return the JSON object in a text, else raise ImportRefused. NaN and Infinity become null, as in ComfyUI."""
    try:
        content = replace_endless(parse_json(text, endless=True))
    except Unreadable as e:
        raise ImportRefused(f"this {e.reason} (line {e.line})") from e
    if not isinstance(content, dict):
        raise ImportRefused("this is JSON, but no graph: a graph is an object")
    return content


def replace_endless(value: Json) -> Json:
    """Return the value with null in the place of each number that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: replace_endless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [replace_endless(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def detect_form(content: JsonObject) -> Form:
    """Return which form a graph has, by its list of nodes."""
    return "ui" if isinstance(content.get("nodes"), list) else "api"


def unwrap(content: JsonObject) -> JsonObject:
    """Return the graph itself, where it lies as `prompt` or `workflow` in what was sent or recorded with it."""
    for key in ("prompt", "workflow"):
        inner = content.get(key)
        if isinstance(inner, dict) and "class_type" not in inner:
            return inner
    return content


def clean_graph(content: JsonObject) -> Graph:
    """Return a copy of a graph in API form: of each node the class, the inputs and the title.

    Raises:
        ImportRefused: it is larger than a graph may be, empty, or one of its nodes is none.
    """
    if not content:
        raise ImportRefused("the graph is empty")
    nodes = {node_id: node for node_id, node in content.items() if is_node(node)}
    for node_id, value in content.items():
        if node_id not in nodes:
            raise _no_node(node_id, value)
    if excess := excess_of(api_excess(content)):
        refuse_excess(*excess)
    graph: Graph = {}
    for node_id, node in nodes.items():
        graph[node_id] = {"class_type": node["class_type"], "inputs": json.loads(json.dumps(node["inputs"]))}
        title = read_object(node.get("_meta")).get("title")
        if isinstance(title, str) and title:
            graph[node_id]["_meta"] = {"title": title}
    return graph


def _no_node(node_id: str, value: Json) -> ImportRefused:
    class_type = read_object(value).get("class_type")
    if isinstance(class_type, str):
        return ImportRefused(f"node {node_id} ({class_type}) has no inputs")
    return ImportRefused(f"this is no graph of ComfyUI: {node_id} has no class_type, and there is no list `nodes`")
