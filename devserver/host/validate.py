"""Check a graph against a node table in ComfyUI's order, with its error types and messages.

It adds no defaults: every required input must be sent. Converted values (``"1.5"`` to 1.5) replace those in the graph.
"""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from devserver.host.graph import Walk, describe_excess, walk
from devserver.host.node_class import InputType, Options, Table, input_check, inputs_of, is_output, outputs_of
from schemas.graph import Graph, InputValue

Config = tuple[InputType, Options]


class Error(TypedDict):
    """One error, in ComfyUI's form."""

    type: str
    message: str
    details: str
    extra_info: Mapping[str, object]


class NodeErrors(TypedDict):
    """The errors of one node, and the outputs that cannot run because of them."""

    errors: list[Error]
    dependent_outputs: list[str]
    class_type: str


LONGEST_LIST_SHOWN = 20
MAX_ERRORS = 1_000  # errors; each output that cannot run repeats those of all nodes before it


@dataclass
class Verdict:
    """`outputs` are the output nodes that may run; `error` is set when there are none."""

    outputs: list[str] = field(default_factory=list)
    error: Error | None = None
    node_errors: dict[str, NodeErrors] = field(default_factory=dict)


def validate(graph: Graph, table: Table, targets: Iterable[str] | None = None) -> Verdict:
    """Check every output node and its sources; `targets` limits the outputs.

    Raises:
        TypeError, AttributeError: the graph is not a mapping of mappings.
    """
    if too_large := describe_excess(graph):
        return Verdict(error=_graph_error("prompt_too_large", too_large))
    wanted = None if targets is None else set(targets)
    outputs = []
    for node_id, node in graph.items():
        if "class_type" not in node:
            return _refuse(node_id, "Cannot execute because a node is missing the class_type property.")
        name = node["class_type"]
        if name not in table:
            return _refuse(node_id, f"Cannot execute because node {name} does not exist.")
        if is_output(table[name]) and (wanted is None or node_id in wanted):
            outputs.append(node_id)
    if not outputs:
        return Verdict(error=_graph_error("prompt_no_outputs", "Prompt has no outputs"))
    return _Check(graph, table).check_outputs(outputs)


def _graph_error(kind: str, message: str, details: str = "") -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _refuse(node_id: str, message: str) -> Verdict:
    return Verdict(error=_graph_error("invalid_prompt", message, f"Node ID '#{node_id}'"))


def _node_error(kind: str, message: str, details: str, **extra: object) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def _exception_info(error: Exception) -> dict[str, object]:
    return {"exception_type": type(error).__qualname__, "traceback": traceback.format_tb(error.__traceback__)}


class _Check:
    """One graph; every node is checked once."""

    def __init__(self, graph: Graph, table: Table) -> None:
        self._graph, self._table = graph, table
        self._open: set[str] = set()
        self._done: dict[str, tuple[bool, list[Error]]] = {}

    def check_outputs(self, outputs: list[str]) -> Verdict:
        verdict = Verdict()
        details = []
        for output in outputs:
            good, errors = self._check_output(output)
            if good:
                verdict.outputs.append(output)
                continue
            details += [f"{error['message']}: {error['details']}" for error in errors]
            for node_id, (_, errors_of_node) in self._done.items() if len(details) < MAX_ERRORS else ():
                if errors_of_node:
                    place: NodeErrors = {
                        "errors": errors_of_node,
                        "dependent_outputs": [],
                        "class_type": self._graph[node_id]["class_type"],
                    }
                    verdict.node_errors.setdefault(node_id, place)["dependent_outputs"].append(output)
        if not verdict.outputs:
            message = "Prompt outputs failed validation"
            verdict.error = _graph_error("prompt_outputs_failed_validation", message, "\n".join(details))
        return verdict

    def _check_output(self, node_id: str) -> tuple[bool, list[Error]]:
        try:
            return walk(self._check_node, node_id)
        except Exception as error:  # noqa: BLE001 - a broken link, or a node's own check: the answer has the message
            reason = _node_error(
                "exception_during_validation", "Exception when validating node", str(error), **_exception_info(error)
            )
            self._done[node_id] = (False, [reason])
            return self._done[node_id]

    def _check_node(self, node_id: str) -> Walk[tuple[bool, list[Error]]]:
        if node_id in self._done:
            return self._done[node_id]
        if node_id in self._open:
            return (False, [])  # a cycle: ComfyUI refuses it without a reason
        self._open.add(node_id)
        cls = self._table[self._graph[node_id]["class_type"]]
        inputs = self._graph[node_id]["inputs"]
        declared, check = inputs_of(cls), input_check(cls)
        checked = _checked_inputs(check)
        good, errors = True, list[Error]()
        for is_required, specs in ((True, declared.get("required", {})), (False, declared.get("optional", {}))):
            for name, spec in specs.items():
                config: Config = (spec[0], spec[1] if len(spec) > 1 else {})
                if name not in inputs:
                    if is_required:
                        errors.append(
                            _node_error("required_input_missing", "Required input is missing", name, input_name=name)
                        )
                    continue
                if isinstance(value := inputs[name], list):
                    fine, error = yield from self._check_link(name, config, value)
                    good = good and fine
                else:
                    error = _check_value(name, config, inputs, unbounded=name in checked or "**" in checked)
                if error is not None:
                    errors.append(error)
        if check is not None:
            errors += _run_input_check(check, checked, inputs)
        self._open.discard(node_id)
        self._done[node_id] = (good and not errors, errors)
        return self._done[node_id]

    def _check_link(
        self, name: str, config: Config, link: list[InputValue]
    ) -> Generator[str, tuple[bool, list[Error]], tuple[bool, Error | None]]:
        """Return whether the linked node is valid, and the error of the link itself."""
        if len(link) != 2:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return True, _node_error(
                "bad_linked_input", message, name, input_name=name, input_config=config, received_value=link
            )
        source, slot = link
        if not isinstance(source, str):
            raise KeyError(source)
        if not isinstance(slot, int):
            raise TypeError(f"tuple indices must be integers or slices, not {type(slot).__name__}")
        received = outputs_of(self._table[self._graph[source]["class_type"]])[slot]
        if not _fits(received, config[0]):
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            extra: dict[str, object] = {
                "input_name": name,
                "input_config": config,
                "received_type": received,
                "linked_node": link,
            }
            return True, _node_error(
                "return_type_mismatch", "Return type mismatch between linked nodes", details, **extra
            )
        try:
            return (yield source)[0], None
        except Exception as error:  # noqa: BLE001 - as above, one node further in
            extra = {"input_name": name, "input_config": config, "exception_message": str(error)}
            message = "Exception when validating inner node"
            details = str(error)
            extra |= _exception_info(error) | {"linked_node": link}
            inner = _node_error("exception_during_inner_validation", message, details, **extra)
            self._done[source] = (False, [inner])
            return False, None


def _fits(received: object, wanted: object) -> bool:
    if received == wanted or "*" in {str(received), str(wanted)}:
        return True
    if not isinstance(received, str) or not isinstance(wanted, str):
        return False
    return bool({part.strip() for part in received.split(",")} & {part.strip() for part in wanted.split(",")})


def _to_int(value: InputValue) -> int:
    return int(value)  # type: ignore[arg-type]  # Python's own error message is the one that ComfyUI shows


def _to_float(value: InputValue) -> float:
    number = float(value)  # type: ignore[arg-type]  # as above
    if not math.isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


CONVERSIONS: dict[str, Callable[[InputValue], InputValue]] = {
    "INT": _to_int,
    "FLOAT": _to_float,
    "STRING": str,
    "BOOLEAN": bool,
}


def _check_value(name: str, config: Config, inputs: dict[str, InputValue], *, unbounded: bool) -> Error | None:
    """Return the error of a constant; write the converted value back."""
    kind, options = config
    value = inputs[name]
    if isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]
    try:
        if isinstance(kind, str) and kind in CONVERSIONS:
            value = CONVERSIONS[kind](value)
    except (TypeError, ValueError, OverflowError) as error:
        extra = {"input_name": name, "input_config": config, "received_value": value, "exception_message": str(error)}
        message = f"Failed to convert an input value to a {kind} value"
        return _node_error("invalid_input_type", message, f"{name}, {value}, {error}", **extra)
    inputs[name] = value
    if unbounded:
        return None
    extra = {"input_name": name, "input_config": config, "received_value": value}
    low, high = options.get("min"), options.get("max")
    if isinstance(value, int | float) and isinstance(low, int | float) and value < low:
        return _node_error("value_smaller_than_min", f"Value {value} smaller than min of {low}", name, **extra)
    if isinstance(value, int | float) and isinstance(high, int | float) and value > high:
        return _node_error("value_bigger_than_max", f"Value {value} bigger than max of {high}", name, **extra)
    if isinstance(kind, list) and value not in kind:
        shown = str(kind)
        if len(kind) > LONGEST_LIST_SHOWN:
            shown, extra["input_config"] = f"(list of length {len(kind)})", None
        return _node_error("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {shown}", **extra)
    return None


def _checked_inputs(check: Callable[..., object] | None) -> set[str]:
    """Return the inputs that a class checks itself; "**" stands for all."""
    if check is None:
        return set()
    parameters = inspect.signature(check).parameters.values()
    return {"**" if each.kind is inspect.Parameter.VAR_KEYWORD else each.name for each in parameters}


def _run_input_check(check: Callable[..., object], names: set[str], inputs: dict[str, InputValue]) -> list[Error]:
    """Ask the class's own check, with its constants; a link is None."""
    constants = {
        name: None if isinstance(value, list) else value
        for name, value in inputs.items()
        if name in names or "**" in names
    }
    answer = check(**constants)
    if answer is True:
        return []
    errors = []
    for name in constants:
        details = name if answer is False else f"{name} - {answer}"
        errors.append(
            _node_error("custom_validation_failed", "Custom validation failed for node", details, input_name=name)
        )
    return errors
