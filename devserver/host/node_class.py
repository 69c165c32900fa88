"""What a host reads of a node class: ComfyUI's convention gives it as attributes, and most of them may be missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypedDict

from devserver.nodes.host import checked_output
from schemas.json_values import Json

InputType: TypeAlias = str | list[object]  # a type's name, or the choices of a combo
Options = Mapping[str, object]
InputSpec: TypeAlias = tuple[InputType] | tuple[InputType, Options]
Table = dict[str, type]


class InputTypes(TypedDict, total=False):
    """The inputs of a class; a hidden one is of a kind that the host fills in (PROMPT, UNIQUE_ID, ...)."""

    required: Mapping[str, InputSpec]
    optional: Mapping[str, InputSpec]
    hidden: Mapping[str, str]


class Shown(TypedDict):
    """What a node that writes files returns: lists for the user interface."""

    ui: Mapping[str, Sequence[object]]


def inputs_of(cls: type) -> InputTypes:
    """Ask a class for its inputs; its answer may change with the files that are there."""
    inputs: InputTypes = getattr(cls, "INPUT_TYPES")()  # noqa: B009 - `type` knows no such attribute
    return inputs


def declared_inputs(cls: type) -> dict[str, InputSpec]:
    inputs = inputs_of(cls)
    return {**inputs.get("required", {}), **inputs.get("optional", {})}


def outputs_of(cls: type) -> tuple[str, ...]:
    types: tuple[str, ...] = getattr(cls, "RETURN_TYPES")  # noqa: B009 - `type` knows no such attribute
    return types


def lists_of(cls: type) -> Sequence[bool]:
    """Whether each output is a list of items."""
    lists: Sequence[bool] = getattr(cls, "OUTPUT_IS_LIST", (False,) * len(outputs_of(cls)))
    return lists


def is_output(cls: type) -> bool:
    return bool(getattr(cls, "OUTPUT_NODE", False))


def takes_lists(cls: type) -> bool:
    return bool(getattr(cls, "INPUT_IS_LIST", False))


def own_check(cls: type) -> Callable[..., object] | None:
    """The check of its inputs that a class brings along."""
    check: Callable[..., object] | None = getattr(cls, "VALIDATE_INPUTS", None)
    return check


def change_mark(cls: type) -> Callable[..., object] | None:
    """The function that says by another value that a node must run again."""
    mark: Callable[..., object] | None = getattr(cls, "IS_CHANGED", None)
    return mark


def run_node(cls: type, inputs: Mapping[str, object]) -> tuple[tuple[object, ...], Mapping[str, list[Json]] | None]:
    """Run a node in a fresh object; returns its outputs and what it says to the user interface.

    Raises:
        TypeError, ValueError: the node returned what no host can pass on. Whatever the node raises passes through.
    """
    function: Callable[..., object] = getattr(cls(), getattr(cls, "FUNCTION"))  # noqa: B009 - `type` knows none
    returned = checked_output(cls, function(**inputs))
    if isinstance(returned, Mapping):
        return returned.get("result", ()), returned.get("ui")
    return returned, None
