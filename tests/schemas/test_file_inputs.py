"""The media that a file parameter takes are those that all of its nodes can load."""

from __future__ import annotations

import pytest

from schemas.file_inputs import accepted_media
from schemas.graph import Graph
from schemas.model import Parameter, Text

GRAPH: Graph = {
    "1": {"class_type": "LoadAudio", "inputs": {"audio": "a.wav"}},
    "2": {"class_type": "VHS_LoadVideo", "inputs": {"video": "a.mp4"}},
    "3": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
    "4": {"class_type": "Foreign", "inputs": {"file": "a"}},
}


@pytest.mark.parametrize(
    ("sets", "media"),
    [
        (["1.audio"], ("audio", "video")),
        (["1.audio", "2.video"], ("video",)),
        (["1.audio", "3.image"], ()),
        (["4.file"], ()),
        (["1.audio", "4.file"], ()),
        (["9.audio"], ()),
    ],
)
def test_every_node_decides_and_an_unknown_one_leaves_it_open(sets: list[str], media: tuple[str, ...]) -> None:
    parameter = Parameter.model_validate(
        {"name": "sound", "type": "file", "description": Text(en="x", de="x"), "sets": sets}
    )
    assert accepted_media(parameter, GRAPH) == media
