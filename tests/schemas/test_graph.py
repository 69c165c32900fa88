"""What in a graph is a node, and what in a node is a link."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from schemas.graph import GraphNode, Link, is_node, link_of, links_of
from schemas.json_values import Json


@pytest.mark.parametrize(
    "value", [None, [], "x", {}, {"class_type": "A"}, {"inputs": {}}, {"class_type": 1, "inputs": {}},
              {"class_type": "A", "inputs": []}]
)  # fmt: skip
def test_a_node_has_a_class_and_inputs(value: Json) -> None:
    assert not is_node(value)
    assert is_node({"class_type": "A", "inputs": {}})


@pytest.mark.parametrize("value", [["1"], ["1", 0, 0], [1, 0], ["1", "0"], ["1", 0.0], ["1", True], "1", None, {}])
def test_a_list_that_is_no_pair_of_a_node_and_a_slot_is_a_value(value: Json) -> None:
    assert link_of(value) is None
    assert link_of(["1", 0]) == Link("1", 0)


def test_the_links_of_a_node_are_named_by_their_inputs() -> None:
    node: GraphNode = {"class_type": "Mix", "inputs": {"a": ["1", 0], "volume": 3, "b": ["2", 1], "pair": [1, 2]}}
    assert links_of(node) == [("a", Link("1", 0)), ("b", Link("2", 1))]


def test_what_other_programs_wrote_beside_the_known_fields_is_kept() -> None:
    node = {"class_type": "A", "inputs": {}, "_meta": {"title": "t", "colour": "red"}, "is_changed": [1]}
    assert TypeAdapter(GraphNode).validate_python(node) == node
