"""The nodes of later stages under names that no other backend has, and the shipped graphs with these names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from devserver.host.folders import Folders
from devserver.host.tables import embedded_table
from schemas.node_table import NodeTable

SCHEMAS: Final = Path(__file__).parents[2] / "schemas"
GRAPHS: Final = ("analysis", "mastered_recording", "recording_video")
HOME: Final = {f"Tonewright{name}": f"Home{name}" for name in ("Analyse", "Master", "Visualise")}


def table(folders: Folders) -> dict[str, type[Any]]:
    own = embedded_table(folders)
    return {**own, **{home: own[name] for name, home in HOME.items()}}


def write_definitions(folder: Path) -> Path:
    """Let the three shipped graphs run on the embedded backend alone."""
    shipped = json.loads((SCHEMAS / "tables/tonewright.json").read_text())
    nodes = NodeTable.from_json(shipped).to_trimmed()
    files = {"tables/home.json": {home: nodes[name] for name, home in HOME.items()}}
    for graph in GRAPHS:
        nodes = json.loads((SCHEMAS / f"graphs/{graph}.json").read_text())
        for node in nodes.values():
            node["class_type"] = HOME.get(node["class_type"], node["class_type"])
        files[f"graphs/{graph}.json"] = nodes
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder
