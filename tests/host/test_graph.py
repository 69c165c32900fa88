"""The order of a graph's nodes, and what makes one node's result the same as another's."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.host.graph import (
    DEEPEST,
    MOST_LINKS,
    MOST_NODES,
    Schedule,
    Walk,
    describe_excess,
    plan_nodes,
    signatures,
    walk,
)


def node(kind: str, **inputs: Any) -> Any:
    return {"class_type": kind, "inputs": inputs}


GRAPH: dict[str, Any] = {
    "a": node("Tone", hz=440),
    "b": node("Gain", sound=["a", 0], db=-3),
    "end": node("Save", sound=["b", 0]),
}


def signed(graph: dict[str, Any], **marks: str) -> dict[str, str]:
    return signatures(graph, lambda node_id: marks.get(node_id, ""))


def test_a_signature_is_of_what_is_made_and_not_of_the_ids() -> None:
    renamed = {"9": node("Tone", hz=440), "8": node("Gain", db=-3, sound=["9", 0]), "7": node("Save", sound=["8", 0])}
    assert [*signed(renamed).values()] == [*signed(GRAPH).values()]


@pytest.mark.parametrize(
    ("graph", "marks"),
    [
        ({**GRAPH, "a": node("Tone", hz=441)}, {}),
        ({**GRAPH, "a": node("Noise", hz=440)}, {}),
        ({**GRAPH, "b": node("Gain", sound=["a", 1], db=-3)}, {}),
        (GRAPH, {"a": "the file changed"}),
    ],
    ids=["value", "class", "slot", "mark"],
)
def test_whatever_changes_a_node_changes_all_that_follow_it(graph: dict[str, Any], marks: dict[str, str]) -> None:
    before, after = signed(GRAPH), signed(graph, **marks)
    assert before["end"] != after["end"]


def test_what_comes_after_a_node_changes_nothing_of_it() -> None:
    after = signed({**GRAPH, "b": node("Gain", sound=["a", 0], db=0)})
    assert after["a"] == signed(GRAPH)["a"]


def test_a_circle_and_what_hangs_on_it_have_no_signature_and_the_others_have() -> None:
    circle = {"x": node("Gain", sound=["y", 0]), "y": node("Gain", sound=["x", 0]), "z": node("Save", sound=["y", 0])}
    assert signed({**GRAPH, **circle}).keys() == GRAPH.keys()
    assert signed({"z": node("Save", sound=["gone", 0])}) == {}


def test_a_source_whose_result_is_there_is_not_visited_and_an_output_always_is() -> None:
    assert plan_nodes(GRAPH, ["end"], lambda _: False) == {"end": {"b"}, "b": {"a"}, "a": set()}
    assert plan_nodes(GRAPH, ["end"], lambda node_id: node_id == "b") == {"end": set()}
    assert plan_nodes(GRAPH, ["end"], lambda _: True) == {"end": set()}


def test_a_node_that_feeds_two_comes_once() -> None:
    waits = {"end": {"left", "right"}, "left": {"a"}, "right": {"a"}, "a": set[str]()}
    order = list(Schedule(waits, lambda node_id: node_id == "end"))
    assert (order[0], order[-1], len(order)) == ("a", "end", 4)


def test_the_ready_output_comes_first_then_what_feeds_one() -> None:
    waits: dict[str, set[str]] = {"a": set(), "b": set(), "out": {"b"}, "late": {"a"}, "end": {"late"}, "own": set()}
    assert list(Schedule(waits, lambda node_id: node_id in ("out", "end", "own"))) == [
        "own",
        "b",
        "out",
        "a",
        "late",
        "end",
    ]


def test_an_error_of_a_visit_reaches_the_visits_that_asked_for_it() -> None:
    seen = []

    def visit(node_id: str) -> Walk[str]:
        if node_id == "deep":
            raise LookupError(node_id)
        try:
            yield "deep" if node_id == "middle" else "middle"
        except LookupError:
            seen.append(node_id)
            if node_id == "middle":
                raise
        return "mended"

    assert walk(visit, "top") == "mended"
    assert seen == ["middle", "top"]
    with pytest.raises(LookupError):
        walk(visit, "deep")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("at_most", "more"),
    [
        ({str(n): node("A") for n in range(MOST_NODES)}, {str(n): node("A") for n in range(MOST_NODES + 1)}),
        ({"1": node("A", **{str(n): ["1", 0] for n in range(MOST_LINKS)})},
         {"1": node("A", **{str(n): ["1", 0] for n in range(MOST_LINKS + 1)})}),
        ({"1": node("A", x=nested(DEEPEST - 2))}, {"1": node("A", x=nested(DEEPEST))}),
    ],
    ids=["nodes", "links", "levels"],
)  # fmt: skip
def test_a_graph_at_its_limit_is_let_through_and_a_larger_one_is_not(at_most: Any, more: Any) -> None:
    assert describe_excess(at_most) == ""
    assert describe_excess(more)
