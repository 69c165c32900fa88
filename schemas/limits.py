"""Limits for the size of a graph, checked before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from schemas.json_values import Json


@dataclass(frozen=True)
class Limit:
    """One limit, in words that follow a number."""

    most: int
    unit: str

    def describe_excess(self, value: int) -> str:
        """Describe by how much a value exceeds the limit; '' if it does not."""
        return f"the graph has {value} {self.unit}; at most {self.most} are allowed" if value > self.most else ""


NODES: Final = Limit(10_000, "nodes with its sub-graphs expanded")
LINKS: Final = Limit(50_000, "links with its sub-graphs expanded")
LEVELS: Final = Limit(16, "levels of sub-graphs in each other")
BYTES: Final = Limit(16 << 20, "bytes with its sub-graphs expanded")
NAME: Final = Limit(200, "characters in one id or name")
TITLE: Final = Limit(2_000, "characters in one title")
OUTPUTS: Final = Limit(200, "nodes that write a file")
PARAMETERS: Final = 200  # that are proposed; what else could be one keeps the graph's value


def api_excess(graph: Mapping[str, Json]) -> Iterator[tuple[Limit, int]]:
    """Yield each limit with what a graph in API form has of it; values that have another shape count as nothing."""
    nodes = [node for node in graph.values() if isinstance(node, Mapping)]
    inputs = [entry for node in nodes if isinstance(entry := node.get("inputs"), Mapping)]
    metas = [entry for node in nodes if isinstance(entry := node.get("_meta"), Mapping)]
    yield NODES, len(graph)
    yield LINKS, sum(isinstance(value, list) for entry in inputs for value in entry.values())
    names = [*graph, *(node.get("class_type") for node in nodes), *(name for entry in inputs for name in entry)]
    yield NAME, longest(names)
    yield TITLE, longest(meta.get("title") for meta in metas)


def longest(texts: Iterable[Json]) -> int:
    """Return the number of characters in the longest of the values that are text."""
    return max((len(text) for text in texts if isinstance(text, str)), default=0)


def excess_of(counts: Iterator[tuple[Limit, int]]) -> tuple[Limit, int] | None:
    """Return the first limit that is exceeded, and by what."""
    return next(((limit, value) for limit, value in counts if value > limit.most), None)
