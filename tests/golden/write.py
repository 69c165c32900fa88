"""Writes what is kept under version control to show every change of it: compiled graphs, and our own nodes' table.

`python -m tests.golden.write` is what `make golden` runs; where it leaves a difference, look at it before committing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from devserver.nodes import TABLE
from schemas.catalog import Catalog
from schemas.compiler import compile_graph, fill, graph_hash, resolve
from schemas.loader import load_tables
from schemas.model import GraphChunk
from schemas.nodes import NodeTable
from schemas.values import PLACEHOLDERS
from tests.loading import load_catalog

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
GOLDEN = ROOT / "tests" / "golden"
SEED = 20_240_229
TEXTS: dict[str, str] = {name: f'the "{name}", {{as}} ${{it}} is\nin two lines' for name in PLACEHOLDERS.values()}


FILE: dict[str, str] = {"sha256": "f11e" * 16, "ext": "bin"}


def compiled(catalog: Catalog, output: str, chunk: GraphChunk, preset: str | None = None) -> dict[str, Any]:
    """An output as one of its chunks makes it when a request brings nothing but a text: {values, sha256, graph}.

    Where it needs files, each is FILE.
    """
    files = {name: FILE for name, parameter in chunk.parameters.items() if parameter.type == "file"}
    values = fill(resolve(chunk, catalog.output(output), files, lambda: SEED, preset), TEXTS)
    graph = compile_graph(chunk, catalog.graph(chunk.graph), values)
    return {"values": values, "sha256": graph_hash(graph), "graph": graph}


def makers(catalog: Catalog) -> list[tuple[str, GraphChunk]]:
    """Every output config with every chunk that can make it."""
    return [(output, chunk) for output in catalog.outputs for chunk in catalog.variants_of(output)]


def golden_file(catalog: Catalog, output: str, chunk: GraphChunk) -> Path:
    """`musicgen.json` for a config's own chunk, `musicgen.musicgen_prompt.json` for a variant."""
    variant = "" if chunk.name == catalog.output(output).chunk else f".{chunk.name}"
    return GOLDEN / f"{output}{variant}.json"


def own_nodes() -> dict[str, Any]:
    """Our node classes in the trimmed form, read as a backend's `/object_info` would be."""
    info = {
        name: {
            "input": node.INPUT_TYPES(),
            "output": node.RETURN_TYPES,
            "output_name": getattr(node, "RETURN_NAMES", node.RETURN_TYPES),
            "output_node": getattr(node, "OUTPUT_NODE", False),
            "category": node.CATEGORY,
        }
        for name, node in TABLE.items()
    }
    table = NodeTable.from_object_info(json.loads(json.dumps(info)))
    if table.unreadable:
        raise SystemExit(f"node classes that cannot be read: {table.unreadable}")
    return table.to_trimmed()


def expected() -> dict[Path, str]:
    """The text of every file that is kept, by its path."""
    texts = {SCHEMAS / "tables" / "tonewright.json": _text(own_nodes())}
    tables = {**load_tables([SCHEMAS]), "tonewright": NodeTable.from_trimmed(own_nodes())}
    catalog = load_catalog([SCHEMAS], tables)
    for output, chunk in makers(catalog):
        texts[golden_file(catalog, output, chunk)] = _text(compiled(catalog, output, chunk))
    return texts


def _text(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    texts = expected()
    for stale in set(GOLDEN.glob("*.json")) - texts.keys():
        stale.unlink()
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
