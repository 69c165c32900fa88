"""What is handed in as a graph: the form that it has, or the words that refuse it."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.importing.form import (
    LONGEST_TOLD,
    MOST_TOLD,
    ImportRefused,
    absent_classes_error,
    clean_graph,
    detect_form,
    parse_graph,
    refuse_excess,
    shorten,
    unwrap,
)
from schemas.json_values import JsonObject
from schemas.limits import NAME

NODE: Any = {"class_type": "EmptyAudio", "inputs": {"duration": 1.0}}


def test_numbers_without_an_end_become_null_at_every_depth() -> None:
    assert parse_graph('{"a": [NaN, {"b": -Infinity}], "c": 1e999, "d": 1.5}') == {
        "a": [None, {"b": None}],
        "c": None,
        "d": 1.5,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":\n1,}', r"this is not JSON: .* \(line 2\)"),
        ("[1]", "this is JSON, but no graph: a graph is an object"),
        ("null", "this is JSON, but no graph: a graph is an object"),
    ],
)
def test_a_text_that_holds_no_graph_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        parse_graph(text)


def test_a_list_of_nodes_makes_the_form_of_the_page() -> None:
    assert detect_form({"nodes": [], "links": []}) == "ui"
    assert detect_form({"nodes": NODE, "links": NODE}) == "api"  # ids may be words


def test_a_graph_is_taken_out_of_what_it_lies_in_but_a_node_of_that_name_is_not() -> None:
    assert unwrap({"prompt": {"1": NODE}, "workflow": {"nodes": []}}) == {"1": NODE}
    assert unwrap({"workflow": {"nodes": []}}) == {"nodes": []}
    assert unwrap({"prompt": NODE}) == {"prompt": NODE}


def test_of_a_node_the_class_the_inputs_and_the_title_are_kept() -> None:
    content: JsonObject = {
        "1": {**NODE, "_meta": {"title": "Hush", "x": 1}, "is_changed": [1]},
        "2": {**NODE, "_meta": {"title": ""}},
    }
    graph = clean_graph(content)
    assert graph == {"1": {**NODE, "_meta": {"title": "Hush"}}, "2": NODE}
    graph["1"]["inputs"]["duration"] = 2
    assert NODE["inputs"]["duration"] == 1.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "the graph is empty"),
        ({"1": NODE, "2": {"class_type": "Hush"}}, r"node 2 \(Hush\) has no inputs"),
        ({"1": NODE, "extra": 5}, "this is no graph of ComfyUI: extra has no class_type"),
    ],
)
def test_a_graph_with_something_that_is_no_node_is_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ImportRefused, match=message):
        clean_graph(content)


def test_a_limit_is_exceeded_by_one_more_and_is_kept_with_the_refusal() -> None:
    refuse_excess(NAME, NAME.most)
    with pytest.raises(ImportRefused, match=f"the graph has {NAME.most + 1} characters in one id or name") as refused:
        clean_graph({"x" * (NAME.most + 1): NODE})
    assert refused.value.limit == (NAME, NAME.most + 1)


def test_absent_classes_are_named_once_and_in_order() -> None:
    assert absent_classes_error(["B", "A", "B"]).message == "no node table has these classes: A, B"
    assert absent_classes_error(["A"]).message == "no node table has the class: A"
    many = absent_classes_error(f"Class{number:04}" for number in range(MOST_TOLD + 5))
    assert many.message.endswith(", and 5 more")
    assert len(many.absent) == MOST_TOLD


def test_as_many_sentences_as_a_person_reads_and_each_cut() -> None:
    assert shorten(["x"] * MOST_TOLD) == ("x",) * MOST_TOLD
    assert shorten(["x"] * (MOST_TOLD + 2))[-1] == "and 2 more"
    assert shorten(["x" * LONGEST_TOLD]) == ("x" * LONGEST_TOLD,)
    assert shorten(["x" * (LONGEST_TOLD + 1)]) == ("x" * LONGEST_TOLD + " ...",)
