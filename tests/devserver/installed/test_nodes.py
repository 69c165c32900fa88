from __future__ import annotations

from pathlib import Path

import pytest

from devserver.installed.nodes import installed_nodes
from tests.doubles.packages import install

NODES = """\
class SampleTone:
    FUNCTION, CATEGORY, RETURN_TYPES = "run", "sample", ()

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    def run(self):
        return {}


def table(folders):
    return {"SampleTone": SampleTone}


TAKEN = {"LoadAudio": SampleTone, "SampleOther": SampleTone}
"""


def test_nodes_come_from_a_function_or_a_mapping_but_not_under_a_name_that_is_taken(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = {"tonewright.nodes": {"a": "sample_nodes:table", "b": "sample_nodes:TAKEN"}}
    install(site, "sample_nodes", {"sample_nodes.py": NODES}, points)
    assert sorted(installed_nodes(None, {"LoadAudio": object})) == ["SampleOther", "SampleTone"]
    assert "tonewright and sample_nodes: the node class LoadAudio" in caplog.text
