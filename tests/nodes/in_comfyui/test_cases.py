"""No node of ours is left out of the comparison, and the comparison sees what it has to see."""

from __future__ import annotations

import json

import pytest

from devserver.nodes import TABLE
from tests.nodes.in_comfyui.alike import differences, file_differences
from tests.nodes.in_comfyui.cases import CASES, SEEN_BY, graph_of


def test_every_node_has_a_case_and_every_case_a_node() -> None:
    assert set(CASES) == set(TABLE)


@pytest.mark.parametrize("name", CASES)
def test_a_case_gives_its_node_what_it_requires_and_shows_all_that_it_makes(name: str) -> None:
    graph = graph_of(name, "t")
    assert set(graph["node"]["inputs"]) >= set(TABLE[name].INPUT_TYPES()["required"])
    assert all(kind in SEEN_BY for kind in TABLE[name].RETURN_TYPES)
    seen = [node for node in graph.values() if ["node", 0] in node["inputs"].values()]
    assert seen or not TABLE[name].RETURN_TYPES


def test_differences_are_found() -> None:
    assert differences({"a": [1.0, "x", None]}, {"a": [1.0 + 1e-8, "x", None]}) == []
    for other in ({"a": [1.1, "x", None]}, {"a": [1.0, "y", None]}, {"a": [1.0, "x"]}, {"a": [1.0, "x", 0], "b": 1}):
        assert differences({"a": [1.0, "x", None]}, other)
    assert differences({"a": True}, {"a": 1})
    assert file_differences("mid", b"one", b"two")
    assert file_differences("json", json.dumps({"a": 1}).encode(), json.dumps({"a": 2}).encode())
