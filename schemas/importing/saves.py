"""What of a graph runs and what it writes: its save nodes, and everything that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from schemas.importing.form import ImportRefused
from schemas.importing.tracing import is_link
from schemas.node_table import WIDGETS, NodeClass, NodeInput, NodeTable
from schemas.nodes import Graph
from schemas.rules import PREFIX_INPUT, SAVES

# Shown on the page and thrown away; where a graph only shows, this is what keeps the same.
KEEPERS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "PreviewAudio": ("SaveAudio", {PREFIX_INPUT: "audio/ComfyUI"}),
    "PreviewImage": ("SaveImage", {PREFIX_INPUT: "ComfyUI"}),
}
OTHER_SAVES: Final[Mapping[str, tuple[str, str]]] = {
    "SaveLatent": ("file", "latent"),
    "SaveGLB": ("file", "glb"),
    "SaveSVGNode": ("file", "svg"),
    "TonewrightMidi": ("file", "mid"),
    "TonewrightPeaks": ("file", "json"),
}
# Nodes whose result has several lists: the one that is meant, and what the others are.
SEVERAL: Final[Mapping[str, tuple[str, tuple[dict[str, Any], ...]]]] = {
    "TonewrightRender": (
        "audio",
        (
            {"key": "stems", "media": "audio", "format": "flac", "role": "stem", "optional": True},
            {"key": "peaks", "media": "file", "format": "json", "role": "peaks"},
        ),
    ),
}
BY_TYPE: Final[Mapping[str, tuple[str, str]]] = {
    "AUDIO": ("audio", "flac"),
    "VIDEO": ("video", "mp4"),
    "IMAGE": ("image", "png"),
}
ENDINGS: Final[Mapping[str, str]] = {
    "mp3": "audio",
    "flac": "audio",
    "opus": "audio",
    "wav": "audio",
    "ogg": "audio",
    "mp4": "video",
    "webm": "video",
    "mkv": "video",
    "mov": "video",
    "gif": "image",
    "png": "image",
    "jpg": "image",
    "webp": "image",
}


def saves_of(graph: Graph, table: NodeTable) -> list[str]:
    return [node_id for node_id, node in graph.items() if _saves(table.classes.get(node["class_type"]))]


def with_a_save(graph: Graph, table: NodeTable) -> tuple[Graph, list[str]]:
    """The graph; one that only shows what it made saves it instead. ImportRefused where it makes nothing."""
    if saves_of(graph, table):
        return graph, []
    kept, told = dict(graph), []
    for node_id, node in graph.items():
        keeper, inputs = KEEPERS.get(node["class_type"], ("", {}))
        if keeper in table.classes:
            kept[node_id] = {"class_type": keeper, "inputs": {**node["inputs"], **inputs}}
            told.append(f"node {node_id} only showed its result ({node['class_type']}); it is saved now ({keeper})")
    if not told:
        raise ImportRefused(f"the graph writes no file: it has no output node with a {PREFIX_INPUT}")
    return kept, told


def only_what_runs(graph: Graph, table: NodeTable) -> tuple[Graph, list[str]]:
    """What leads to a file that can be written: without previews, and without branches whose beginning is missing.

    ComfyUI itself leaves such a branch out and runs the others.
    """
    told: list[str] = []
    keep: set[str] = set()
    for node_id in saves_of(graph, table):
        branch = _branch(graph, node_id)
        lacking = [lack for one in graph if one in branch for lack in _lacking(graph, one, table)]
        if lacking:
            told.append(f"node {node_id} ({graph[node_id]['class_type']}) is left out: {'; '.join(lacking)}")
        else:
            keep |= branch
    if not keep:
        raise ImportRefused("no branch of the graph can run", told)
    return {node_id: node for node_id, node in graph.items() if node_id in keep}, told


def made_by(node: Mapping[str, Any], graph: Graph, table: NodeTable) -> tuple[str, str]:
    """The medium and the format that a save node writes, told by its class, its format input or what it takes."""
    class_type = str(node["class_type"])
    known = SAVES.get(class_type) or OTHER_SAVES.get(class_type)
    if known:
        return known
    said = str(node["inputs"].get("format", "")).casefold().rpartition("/")[2]
    for ending, media in ENDINGS.items():
        if ending in said.replace("-", " ").split():
            return media, ending
    for value in node["inputs"].values():
        if is_link(value) and value[0] in graph:
            source = table.classes.get(graph[value[0]]["class_type"])
            kind = source.output[value[1]] if source and 0 <= value[1] < len(source.output) else ""
            if kind in BY_TYPE:
                return BY_TYPE[kind]
    return "file", "bin"


def only_silence(graph: Graph, node_id: str, table: NodeTable) -> bool:
    """Whether nothing but silence can reach a save node: no file, no model, only empty sounds put together."""
    branch = [table.classes[graph[one]["class_type"]] for one in _branch(graph, node_id)]
    plain = all(one.category.startswith(("audio", "utils/primitive")) for one in branch)
    loads = any(entry.upload or not _can_be_set(entry) for one in branch for entry in one.inputs.values())
    return plain and not loads and any(one.name == "EmptyAudio" for one in branch)


def _can_be_set(entry: NodeInput) -> bool:
    return entry.type in (*WIDGETS, "AUDIO")


def _saves(node_class: NodeClass | None) -> bool:
    return node_class is not None and node_class.output_node and PREFIX_INPUT in node_class.inputs


def _branch(graph: Graph, node_id: str) -> set[str]:
    found: set[str] = set()
    pending = [node_id]
    while pending:
        one = pending.pop()
        if one in graph and one not in found:
            found.add(one)
            pending += [value[0] for value in graph[one]["inputs"].values() if is_link(value)]
    return found


def _lacking(graph: Graph, node_id: str, table: NodeTable) -> list[str]:
    node = graph[node_id]
    return [
        f"node {node_id} ({node['class_type']}) has nothing for {entry.name}"
        for entry in table.classes[node["class_type"]].inputs.values()
        if entry.required and entry.name not in node["inputs"] and not entry.type.startswith("COMFY_")
    ]
