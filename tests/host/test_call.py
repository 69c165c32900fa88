"""One node called as ComfyUI calls it: once for each item, with inputs that it cannot write into."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from devserver.host.call import Result, call, describe_inputs, freeze, gather


class Adds:
    """Adds two numbers, and says so."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "add"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        hidden = {"graph": "PROMPT", "me": "UNIQUE_ID", "extra": "EXTRA_PNGINFO", "token": "AUTH_TOKEN"}
        return {"required": {"a": ("INT",), "b": ("INT",)}, "hidden": hidden}

    def add(self, a: Any, b: Any) -> dict[str, Any]:
        return {"ui": {"sum": [a + b]}, "result": (a + b,)}


class Sums(Adds):
    """Takes every item at once."""

    INPUT_IS_LIST = True

    def add(self, a: Any, b: Any) -> dict[str, Any]:
        return {"ui": {"sum": [sum(a) + sum(b)]}, "result": (sum(a) + sum(b),)}


class Counts:
    """Gives each number up to one, as a list of items."""

    RETURN_TYPES = ("INT", "INT")
    OUTPUT_IS_LIST: ClassVar[tuple[bool, ...]] = (True, False)
    FUNCTION = "count"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"n": ("INT",)}}

    def count(self, n: Any) -> tuple[Any, Any]:
        return (list(range(n)) if n else None), n


def test_a_shorter_input_repeats_its_last_item() -> None:
    assert call(Adds, {"a": [1, 2, 3], "b": [10, 20]}, lambda: None) == Result([[11, 22, 23]], {"sum": [11, 22, 23]})


def test_a_node_that_takes_lists_is_called_once() -> None:
    assert call(Sums, {"a": [1, 2, 3], "b": [10, 20]}, lambda: None) == Result([[36]], {"sum": [36]})


def test_a_list_output_is_joined_over_the_calls_and_another_is_not() -> None:
    assert call(Counts, {"n": [2, 3]}, lambda: None).slots == [[0, 1, 0, 1, 2], [2, 3]]


def test_a_list_output_that_is_none_is_an_error_of_the_node() -> None:
    with pytest.raises(TypeError, match="an output that is a list is a NoneType"):
        call(Counts, {"n": [0]}, lambda: None)


def test_a_cancel_is_looked_for_before_each_call() -> None:
    calls = iter([None, None, KeyboardInterrupt()])

    def before() -> None:
        if cancelled := next(calls):
            raise cancelled

    with pytest.raises(KeyboardInterrupt):
        call(Adds, {"a": [1, 2, 3, 4], "b": [0]}, before)
    assert next(calls, "all were made") == "all were made"


def test_inputs_are_gathered_from_constants_links_and_what_the_host_knows() -> None:
    inputs: dict[str, Any] = {"a": ["9", 1], "b": 4, "unknown": 5}
    graph: Any = {"3": {"class_type": "Adds", "inputs": inputs}}
    made = {"9": Result([[0], [1, 2]], None)}
    assert gather("3", graph, Adds, made, {"workflow": 1}) == {
        "a": [1, 2], "b": [4], "graph": [graph], "me": ["3"], "extra": [{"workflow": 1}],
    }  # fmt: skip


def test_a_slot_that_was_not_made_is_none() -> None:
    graph: Any = {"3": {"class_type": "Adds", "inputs": {"a": ["9", 5]}}}
    assert gather("3", graph, Adds, {"9": Result([[0]], None)}, None)["a"] == [None]


def test_what_another_node_gets_cannot_be_written_into_and_leaves_the_own_array_writable() -> None:
    own = np.zeros((2, 3))
    given: Any = freeze({"waveform": [own.T], "rate": (44100, {"x": own})})
    array = given["waveform"][0]
    assert (array.dtype, array.flags.writeable, array.flags.c_contiguous) == (np.float32, False, True)
    assert not given["rate"][1]["x"].flags.writeable
    assert own.flags.writeable
    assert given["rate"][0] == 44100


def test_an_error_report_holds_plain_values_and_cuts_long_text() -> None:
    said = describe_inputs({"a": [1, None, True, 1.5], "b": [float("nan"), "x" * 9], "c": [Adds]}, limit=5)
    assert said["a"] == [1, None, True, 1.5]
    assert said["b"] == ["nan", "xxxxx..."]
    assert said["c"] == ["<clas..."]
    assert describe_inputs(None) == {}
