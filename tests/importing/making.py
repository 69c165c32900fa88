"""An import of a graph beside the shipped definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas.graph import Graph
from schemas.importing.admit import Imported, import_graph
from schemas.json_values import JsonObject
from schemas.loader import load_tables
from schemas.nodes import NodeTable

SHIPPED = Path(__file__).parents[2] / "schemas"


def as_json(graph: Graph) -> JsonObject:
    """A graph as it comes from outside."""
    content: JsonObject = json.loads(json.dumps(graph))
    return content


def imported(content: Any, table: NodeTable, *, name: str = "mine", folders: tuple[Path, ...] = ()) -> Imported:
    folders = (SHIPPED, *folders)
    tables = load_tables(folders)
    return import_graph(content, name=name, origin="x.json", folders=folders, tables=tables, live=table)
