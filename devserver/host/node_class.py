"""Read the attributes of a node class by ComfyUI's convention; most of them are optional."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias, TypedDict

from devserver.nodes.host import check_output
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


class OutputNodeResult(TypedDict):
    """The result of a node that writes files: lists for the user interface."""

    ui: Mapping[str, Sequence[object]]


def inputs_of(cls: type) -> InputTypes:
    """Ask a class for its inputs; the answer may change with the existing files."""
    inputs: InputTypes = getattr(cls, "INPUT_TYPES")()  # noqa: B009 - `type` knows no such attribute
    return inputs


def declared_inputs(cls: type) -> dict[str, InputSpec]:
    inputs = inputs_of(cls)
    return {**inputs.get("required", {}), **inputs.get("optional", {})}


def outputs_of(cls: type) -> tuple[str, ...]:
    types: tuple[str, ...] = getattr(cls, "RETURN_TYPES")  # noqa: B009 - `type` knows no such attribute
    return types


def lists_of(cls: type) -> Sequence[bool]:
    """Tell for each output whether it is a list of items."""
    lists: Sequence[bool] = getattr(cls, "OUTPUT_IS_LIST", (False,) * len(outputs_of(cls)))
    return lists


def is_output(cls: type) -> bool:
    return bool(getattr(cls, "OUTPUT_NODE", False))


def takes_lists(cls: type) -> bool:
    return bool(getattr(cls, "INPUT_IS_LIST", False))


def input_check(cls: type) -> Callable[..., object] | None:
    """Return a class's own check of its inputs."""
    check: Callable[..., object] | None = getattr(cls, "VALIDATE_INPUTS", None)
    return check


def change_mark(cls: type) -> Callable[..., object] | None:
    """Return the function whose changed value makes a node run again."""
    mark: Callable[..., object] | None = getattr(cls, "IS_CHANGED", None)
    return mark


def run_node(cls: type, inputs: Mapping[str, object]) -> tuple[tuple[object, ...], Mapping[str, list[Json]] | None]:
    """Run a node in a fresh object; return its outputs and its data for the user interface.

    Raises:
        TypeError, ValueError: the node returned an invalid result. Exceptions of the node itself pass through.
    """
    function: Callable[..., object] = getattr(cls(), getattr(cls, "FUNCTION"))  # noqa: B009 - `type` knows none
    returned = check_output(cls, function(**inputs))
    if isinstance(returned, Mapping):
        return returned.get("result", ()), returned.get("ui")
    return returned, None
