"""The definitions that were read, for the rules that compare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import hint
from schemas.graph import Graph
from schemas.model import Chunk, GraphChunk, InterceptionConfig, OutputConfig
from schemas.node_table import NodeTable
from schemas.pipeline import Pipeline


@dataclass(frozen=True)
class Definitions:
    """All valid definitions by name; invalid files are left out, since they are reported already."""

    chunks: Mapping[str, Chunk]
    pipelines: Mapping[str, Pipeline]
    interceptions: Mapping[str, InterceptionConfig]
    outputs: Mapping[str, OutputConfig]
    graphs: Mapping[str, Graph]
    tables: Mapping[str, NodeTable]
    broken: frozenset[tuple[str, str]] = frozenset()  # (kind, name) of files with problems of their own
    left_out: frozenset[tuple[str, str]] = frozenset()  # of those that are not used because of such a problem

    @property
    def named_tables(self) -> frozenset[str]:
        """Return the node tables that chunks name."""
        return frozenset(c.table for c in self.chunks.values() if isinstance(c, GraphChunk) and c.table is not None)

    def describe_unknown(self, kind: str, name: str, known: Mapping[str, object]) -> str | None:
        """Describe the fault of a reference to a name; None if there is none, or its own file is reported already."""
        if name in known or (kind, name) in self.broken:
            return None
        if (kind, name) in self.left_out:
            return f"needs the {kind} {name}, which has a problem of its own"
        return f"there is no {kind} named {name}; {hint(name, known)}"

    def describe_unknown_default(self, kind: str, name: str, known: Mapping[str, object]) -> str | None:
        """Describe the same fault for a default or a fallback, which may be left out while the rest still works."""
        return None if (kind, name) in self.left_out else self.describe_unknown(kind, name, known)
