"""A class in ComfyUI's convention: what it leaves out has the usual value."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.host.node_class import (
    change_mark,
    declared_inputs,
    input_check,
    is_output,
    lists_of,
    run_node,
    takes_lists,
)


class Bare:
    """The least that is a node."""

    RETURN_TYPES = ("INT", "STRING")
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {
            "optional": {"b": ("INT", {"default": 1})},
            "required": {"a": (["x", "y"],)},
            "hidden": {"me": "PROMPT"},
        }

    def run(self, **inputs: Any) -> Any:
        return inputs["returned"]


class Whole(Bare):
    OUTPUT_NODE = True
    INPUT_IS_LIST = True
    OUTPUT_IS_LIST = (True, False)

    @classmethod
    def VALIDATE_INPUTS(cls) -> bool:
        return True

    @classmethod
    def IS_CHANGED(cls) -> str:
        return "now"


def test_what_a_class_leaves_out_is_the_usual() -> None:
    assert (is_output(Bare), takes_lists(Bare), input_check(Bare), change_mark(Bare)) == (False, False, None, None)
    assert tuple(lists_of(Bare)) == (False, False)


def test_what_a_class_says_counts() -> None:
    check, mark = input_check(Whole), change_mark(Whole)
    assert (is_output(Whole), takes_lists(Whole), lists_of(Whole)) == (True, True, (True, False))
    assert (check and check(), mark and mark()) == (True, "now")


def test_the_inputs_are_the_required_ones_and_then_the_optional() -> None:
    assert list(declared_inputs(Bare)) == ["a", "b"]


@pytest.mark.parametrize(
    ("returned", "read"),
    [
        ((1, "x"), ((1, "x"), None)),
        ({"ui": {"text": ["a"]}, "result": (1, "x")}, ((1, "x"), {"text": ["a"]})),
    ],
)
def test_a_node_returns_its_outputs_or_also_what_is_shown(returned: Any, read: Any) -> None:
    assert run_node(Bare, {"returned": returned}) == read


@pytest.mark.parametrize("returned", [(1,), (1, "x", 2), 5, None, {"ui": {"text": "a"}, "result": (1, "x")}])
def test_what_no_host_can_pass_on_is_an_error(returned: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        run_node(Bare, {"returned": returned})
