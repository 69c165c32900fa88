"""A small graph for every node of ours: what it is given, and where what it makes can be seen from outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devserver.nodes import TABLE

Graph = dict[str, dict[str, Any]]
Inputs = dict[str, Any]

# What the nodes under test are linked to: a song, and its sound with the stems as further outputs.
SOURCES: Graph = {
    "song": {
        "class_type": "TonewrightCompose",
        "inputs": {"prompt": "funky house in D minor, 122 bpm", "seconds": 5.0, "seed": 11},
    },
    "sound": {"class_type": "TonewrightSynthesise", "inputs": {"song": ["song", 0]}},
}
MIX, DRUMS, BASS, CHORDS, LEAD = (["sound", output] for output in range(5))

# The inputs of each node; those that have a default may be left out. `filename_prefix` is set by `graph_of`.
CASES: dict[str, Inputs] = {
    "TonewrightCompose": {"prompt": "slow ambient, no drums", "seconds": 7.5, "seed": 3},
    "TonewrightSynthesise": {"song": ["song", 0]},
    "TonewrightRender": {"song": ["song", 0], "format": "wav", "quality": "24"},
    "TonewrightMidi": {"song": ["song", 0]},
    "TonewrightAnalyse": {"audio": MIX},
    "TonewrightSeparate": {"audio": MIX},
    "TonewrightStyle": {"audio": MIX},
    "TonewrightArrange": {
        "plan": '{"sections": {"a": {"start_seconds": 1.0, "end_seconds": 2.5}}, '
        '"order": [{"section": "a", "repeat": 2, "stems": {"bass": {"mute": true}, "lead": {"pan": -0.5}}}]}',
        "drums": DRUMS,
        "bass": BASS,
        "lead": LEAD,
    },
    "TonewrightMix": {
        "plan": '{"stems": {"bass": {"duck": {"depth_db": 6}}}, "tail_seconds": 0.5}',
        "drums": DRUMS,
        "bass": BASS,
        "chords": CHORDS,
    },
    "TonewrightMaster": {"audio": MIX, "preset": "club", "tone": "warm", "air_db": 2.0},
    "TonewrightVisualise": {"audio": MIX, "title": "Über Größe", "lyrics": "[00:01] la\n[00:03] la", "bars": "wide"},
    "TonewrightConvert": {"audio": MIX, "format": "flac", "quality": "24", "sample_rate_hz": 44_100},
    "TonewrightPeaks": {"audio": DRUMS, "points": 300, "bits": "16", "split_channels": True},
    "TonewrightSaveText": {"text": ["song", 0]},
}

HEARING = [name for name, inputs in CASES.items() if any(source in inputs.values() for source in (MIX, DRUMS))]

# How an output that is no file becomes one, or a text in the history.
SEEN_BY = {"AUDIO": ("SaveAudio", "audio"), "STRING": ("PreviewAny", "source")}


def graph_of(name: str, token: str) -> Graph:
    """The graph of a node's case; `token` is in every file's name."""
    graph: Graph = {"node": {"class_type": name, "inputs": CASES[name]}}
    todo = ["node"]
    while todo:
        for source in _linked(graph[todo.pop()]["inputs"].values()):
            if source not in graph:
                graph[source] = SOURCES[source]
                todo.append(source)
    for number, kind in enumerate(TABLE[name].RETURN_TYPES):
        seer, takes = SEEN_BY[kind]
        graph[f"seen{number}"] = {"class_type": seer, "inputs": {takes: ["node", number]}}
    return {key: node | {"inputs": _filled(node, f"{token}_{key}")} for key, node in graph.items()}


def of_file(graph: Graph, filename: str) -> Graph:
    """The same graph with a file that was sent to the host in the place of the sound and of its stems."""
    loaded = {
        key: node
        | {"inputs": {k: ["sound", 0] if v in (MIX, DRUMS, BASS, CHORDS, LEAD) else v for k, v in inputs.items()}}
        for key, node in graph.items()
        if key != "song" and (inputs := node["inputs"])
    }
    return loaded | {"sound": {"class_type": "LoadAudio", "inputs": {"audio": filename}}}


def _linked(values: Iterable[Any]) -> list[str]:
    return [value[0] for value in values if isinstance(value, list)]


def _filled(node: dict[str, Any], prefix: str) -> Inputs:
    """A node's inputs with the defaults of its widgets, and with a file name of its own."""
    given: Inputs = node["inputs"]
    if node["class_type"] not in TABLE:
        return given | ({"filename_prefix": prefix} if node["class_type"] == "SaveAudio" else {})
    required = TABLE[node["class_type"]].INPUT_TYPES()["required"]
    defaults: Inputs = {key: options["default"] for key, (_, options) in required.items() if "default" in options}
    return defaults | given | ({"filename_prefix": prefix} if "filename_prefix" in required else {})
