"""Our own graph, taken from a file that it made, is imported with everything that it writes."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.importing.admit import import_graph
from schemas.loader import load_tables
from schemas.nodes import NodeTable

SHIPPED = Path(__file__).parents[2] / "schemas"


def test_a_node_with_several_results_is_an_output_for_each() -> None:
    tables = load_tables([SHIPPED])
    graph = json.loads((SHIPPED / "graphs" / "procedural_instrumental.json").read_text())
    done = import_graph(
        graph, name="mine", origin="x.json", folders=(SHIPPED,), tables=tables, live=NodeTable.for_chunk(tables, None)
    )
    outputs = {
        (o["node"], o.get("key")): (o["role"], o["media"], o.get("optional", False))
        for o in done.draft.chunk["outputs"]
    }
    assert outputs == {
        ("2", "audio"): ("main", "audio", False),
        ("2", "stems"): ("stem", "audio", True),
        ("2", "peaks"): ("peaks", "file", False),
        ("3", None): ("data", "file", False),
    }
