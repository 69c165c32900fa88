"""What of a graph runs and what it writes: its save nodes, and everything that leads to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from schemas.graph import Graph, GraphNode, InputValue, links_of
from schemas.importing.form import MOST_TOLD, ImportRefused, shortened
from schemas.importing.tracing import downstream, upstream
from schemas.model import Media, Role
from schemas.node_table import WIDGETS, NodeClass, NodeInput, NodeTable
from schemas.rules import PREFIX_INPUT, SAVES


class SavedFiles(NamedTuple):
    """A list in the result of a save node, and what its files are."""

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
# Nodes whose result has several lists: the one that is meant, and what the others are.
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


def with_a_save(graph: Graph, table: NodeTable) -> tuple[Graph, list[str]]:
    """Return the graph; one that only shows what it made saves it instead. ImportRefused where it makes nothing."""
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
    lacking = {node_id: lacks for node_id in graph if (lacks := _lacking(graph, node_id, table))}
    cut_off = downstream(graph, lacking)
    saves = saves_of(graph, table)
    told = _left_out(graph, [node_id for node_id in saves if node_id in cut_off], lacking)
    keep = upstream(graph, [node_id for node_id in saves if node_id not in cut_off])
    if not keep:
        raise ImportRefused("no branch of the graph can run", told)
    return {node_id: node for node_id, node in graph.items() if node_id in keep}, told


def _left_out(graph: Graph, saves: list[str], lacking: Mapping[str, list[str]]) -> list[str]:
    """For each save node why its branch cannot run; every reason for as many as are read, since each takes a walk."""
    told = []
    for place, node_id in enumerate(saves):
        branch = upstream(graph, [node_id]) if place < MOST_TOLD else {node_id}
        reasons = [lack for one, lacks in lacking.items() if one in branch for lack in lacks]
        why = "; ".join(shortened(reasons)) or "the beginning of its branch is missing"
        told.append(f"node {node_id} ({graph[node_id]['class_type']}) is left out: {why}")
    return told


def made_by(node: GraphNode, graph: Graph, table: NodeTable) -> tuple[Media, str]:
    """The medium and the format that a save node writes, told by its class, its format input or what it takes."""
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


def only_silence(graph: Graph, table: NodeTable) -> set[str]:
    """Return the nodes that nothing but silence can reach: no file, no model, only empty sounds put together."""
    heard = {node["class_type"]: _can_be_heard(table.classes[node["class_type"]]) for node in graph.values()}
    sounding = downstream(graph, (node_id for node_id, node in graph.items() if heard[node["class_type"]]))
    empty = downstream(graph, (node_id for node_id, node in graph.items() if node["class_type"] == "EmptyAudio"))
    return empty - sounding


def _can_be_heard(node_class: NodeClass) -> bool:
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
