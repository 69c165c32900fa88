"""The part of a graph that runs, and the files that it writes: its save nodes, and all that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.graph import Graph, GraphNode, InputValue, links_of
from schemas.importing.form import MOST_TOLD, ImportRefused, shorten
from schemas.importing.tracing import downstream, upstream
from schemas.model import Media, Role
from schemas.node_table import WIDGETS, NodeClass, NodeInput, NodeTable
from schemas.rules import PREFIX_INPUT, SAVES


class SavedFiles(NamedTuple):
    """A list in the result of a save node, and the kind of its files."""

    key: str
    media: Media
    format: str
    role: Role
    optional: bool = False


# Shown on the page and thrown away; where a graph only shows, this is what keeps the same.
KEEPERS: Final[Mapping[str, tuple[str, dict[str, InputValue]]]] = {
    "PreviewAudio": ("SaveAudio", {PREFIX_INPUT: "audio/ComfyUI"}),
    "PreviewImage": ("SaveImage", {PREFIX_INPUT: "ComfyUI"}),
}
OTHER_SAVES: Final[Mapping[str, tuple[Media, str]]] = {
    "SaveLatent": ("file", "latent"),
    "SaveGLB": ("file", "glb"),
    "SaveSVGNode": ("file", "svg"),
    "TonewrightMidi": ("file", "mid"),
    "TonewrightPeaks": ("file", "json"),
}
# Nodes whose result has several lists: the main one, and the kinds of the others.
SEVERAL: Final[Mapping[str, tuple[str, tuple[SavedFiles, ...]]]] = {
    "TonewrightRender": (
        "audio",
        (
            SavedFiles("stems", "audio", "flac", "stem", optional=True),
            SavedFiles("peaks", "file", "json", "peaks"),
        ),
    ),
}
BY_TYPE: Final[Mapping[str, tuple[Media, str]]] = {
    "AUDIO": ("audio", "flac"),
    "VIDEO": ("video", "mp4"),
    "IMAGE": ("image", "png"),
}
ENDINGS: Final[Mapping[str, Media]] = {
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


def add_saves(graph: Graph, table: NodeTable) -> tuple[Graph, list[str]]:
    """Return the graph; one that only shows what it made saves it instead. ImportRefused where it makes nothing."""
    if saves_of(graph, table):
        return graph, []
    kept, warnings = dict(graph), []
    for node_id, node in graph.items():
        keeper, inputs = KEEPERS.get(node["class_type"], ("", {}))
        if keeper in table.classes:
            kept[node_id] = {"class_type": keeper, "inputs": {**node["inputs"], **inputs}}
            warnings.append(f"node {node_id} only showed its result ({node['class_type']}); it is saved now ({keeper})")
    if not warnings:
        raise ImportRefused(f"the graph writes no file: it has no output node with a {PREFIX_INPUT}")
    return kept, warnings


def drop_broken_branches(graph: Graph, table: NodeTable) -> tuple[Graph, list[str]]:
    """Return the nodes that lead to a file that can be written, without previews and incomplete branches.

    ComfyUI itself leaves such a branch out and runs the others.
    """
    lacking = {node_id: lacks for node_id in graph if (lacks := _lacking(graph, node_id, table))}
    cut_off = downstream(graph, lacking)
    saves = saves_of(graph, table)
    warnings = _describe_left_out(graph, [node_id for node_id in saves if node_id in cut_off], lacking)
    keep = upstream(graph, [node_id for node_id in saves if node_id not in cut_off])
    if not keep:
        raise ImportRefused("no branch of the graph can run", warnings)
    return {node_id: node for node_id, node in graph.items() if node_id in keep}, warnings


def _describe_left_out(graph: Graph, saves: list[str], lacking: Mapping[str, list[str]]) -> list[str]:
    """Describe for each save node why its branch cannot run; in full for the first ones, since each takes a walk."""
    warnings = []
    for place, node_id in enumerate(saves):
        branch = upstream(graph, [node_id]) if place < MOST_TOLD else {node_id}
        reasons = [lack for one, lacks in lacking.items() if one in branch for lack in lacks]
        why = "; ".join(shorten(reasons)) or "the beginning of its branch is missing"
        warnings.append(f"node {node_id} ({graph[node_id]['class_type']}) is left out: {why}")
    return warnings


def saved_format(node: GraphNode, graph: Graph, table: NodeTable) -> tuple[Media, str]:
    """Return the medium and format of a save node, by its class, its format input or its other inputs."""
    class_type = str(node["class_type"])
    known = SAVES.get(class_type) or OTHER_SAVES.get(class_type)
    if known:
        return known
    said = str(node["inputs"].get("format", "")).casefold().rpartition("/")[2]
    for ending, media in ENDINGS.items():
        if ending in said.replace("-", " ").split():
            return media, ending
    for _, link in links_of(node):
        if link.node in graph:
            source = table.classes.get(graph[link.node]["class_type"])
            kind = source.output[link.slot] if source and 0 <= link.slot < len(source.output) else ""
            if kind in BY_TYPE:
                return BY_TYPE[kind]
    return "file", "bin"


def silent_nodes(graph: Graph, table: NodeTable) -> set[str]:
    """Return the nodes that nothing but silence can reach: no file, no model, only empty sounds put together."""
    heard = {node["class_type"]: _may_sound(table.classes[node["class_type"]]) for node in graph.values()}
    sounding = downstream(graph, (node_id for node_id, node in graph.items() if heard[node["class_type"]]))
    empty = downstream(graph, (node_id for node_id, node in graph.items() if node["class_type"] == "EmptyAudio"))
    return empty - sounding


def _may_sound(node_class: NodeClass) -> bool:
    """Tell whether a node may bring in a sound: it is not known to be harmless, or it reads a file or a model."""
    plain = node_class.category.startswith(("audio", "utils/primitive"))
    return not plain or any(entry.upload or not _can_be_set(entry) for entry in node_class.inputs.values())


def _can_be_set(entry: NodeInput) -> bool:
    return entry.type in (*WIDGETS, "AUDIO")


def _saves(node_class: NodeClass | None) -> bool:
    return node_class is not None and node_class.output_node and PREFIX_INPUT in node_class.inputs


def _lacking(graph: Graph, node_id: str, table: NodeTable) -> list[str]:
    node = graph[node_id]
    return [
        f"node {node_id} ({node['class_type']}) has nothing for {entry.name}"
        for entry in table.classes[node["class_type"]].inputs.values()
        if entry.required and entry.name not in node["inputs"] and not entry.type.startswith("COMFY_")
    ]
