"""Compile a chunk, a config and a request to a graph. Values are put in place, never substituted as text."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable, Mapping

from schemas.errors import ParameterError, hint, nearest
from schemas.graph import Graph, InputValue
from schemas.model import GraphChunk, OutputConfig
from schemas.values import PLACEHOLDERS, ParameterValue, Placeholder, Value, draw_seed, is_random

PREFIX = "@prefix"
FILE_MARK = "@file:"
# A user's text that begins like a file's mark gets one more "@", which binding removes again.
MARK = re.compile(rf"@+{FILE_MARK[1:]}")


def resolve(
    chunk: GraphChunk,
    config: OutputConfig | None,
    requested: Mapping[str, object],
    draw: Callable[[], int],
    preset: str | None = None,
) -> dict[str, Value]:
    """Return each parameter of the chunk with its value: the request's, else the preset's, the config's, the default.

    An unknown preset gives none.
    """
    return resolve_values(chunk, config.values_with(preset) if config else {}, requested, draw)


def resolve_values(
    chunk: GraphChunk, configured: Mapping[str, object], requested: Mapping[str, object], draw: Callable[[], int]
) -> dict[str, Value]:
    """Return every parameter of the chunk with its value: the request's, else the configured one, or the default.

    A seed that is absent, null, -1 or "random" becomes draw(), an int from 0 to 2**32-1, within the parameter's range.
    Null for another parameter counts as not given. Placeholders stay; a request cannot bring any. Raises ParameterError
    for an unknown name, a value that is not allowed and a required value missing.
    """
    for name, value in requested.items():
        if name not in chunk.parameters:
            known = nearest(name, chunk.parameters, limit=len(chunk.parameters))
            raise ParameterError(name, value, known, f"there is no parameter {name}; {hint(name, chunk.parameters)}")
    resolved: dict[str, Value] = {}
    for name, parameter in chunk.parameters.items():
        value, own = requested.get(name), configured.get(name)
        if value is None and isinstance(own, str) and own in PLACEHOLDERS:
            resolved[name] = Placeholder(PLACEHOLDERS[own])
            continue
        value = next((given for given in (value, own, parameter.default) if given is not None), None)
        if parameter.type == "seed" and is_random(value):
            resolved[name] = draw_seed(parameter.rule, draw)
        elif value is None:
            raise ParameterError(name, None, parameter.type, f"{name} is required: it has no default")
        else:
            resolved[name] = parameter.read(value)
    return resolved


def fill(values: Mapping[str, Value], texts: Mapping[str, str]) -> dict[str, ParameterValue]:
    """Return the values with each placeholder replaced by its text; KeyError if the run has not made that text."""
    return {name: texts[value.name] if isinstance(value, Placeholder) else value for name, value in values.items()}


def compile_graph(
    chunk: GraphChunk, graph: Graph, values: Mapping[str, Value], read: Mapping[str, str] | None = None
) -> Graph:
    """Return a copy of the graph with every value in its place, models named as the chunk does, and the mark `@prefix`.

    `values` are filled and hold every parameter: ParameterError where one is missing or still a placeholder. `read` has
    the names of the files that earlier stages have made, by parameter: a run again makes the same graph.
    """
    compiled = copy.deepcopy(graph)
    for name, parameter in chunk.parameters.items():
        value = values.get(name)
        if value is None or isinstance(value, Placeholder):
            raise ParameterError(name, value, parameter.type, f"{name} has no value yet")
        written = f"{FILE_MARK}{read[name]}" if read and name in read else _to_input_value(value, parameter.writes)
        for target in parameter.sets:
            compiled[target.node]["inputs"][target.input] = written
    for model in chunk.models:
        compiled[model.node]["inputs"][model.input] = model.file
    for output in chunk.outputs:
        compiled[output.node]["inputs"]["filename_prefix"] = PREFIX
    return compiled


def graph_hash(graph: Mapping[str, object]) -> str:
    """Return the SHA-256 (hex) of the graph's canonical JSON: the order of keys does not matter."""
    canonical = json.dumps(graph, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def bind(
    graph: Graph,
    *,
    prefix: str,
    models: Mapping[tuple[str, str], str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Graph:
    """Copy a compiled graph for one backend: with its own names of models and uploads, and the prefix.

    `models` is by (node id, input), `files` by what follows their mark. KeyError where the graph needs another one.
    """
    bound = copy.deepcopy(graph)
    for node_id, node in bound.items():
        inputs = node["inputs"]
        for name, value in inputs.items():
            if name == "filename_prefix" and value == PREFIX:
                inputs[name] = prefix
            elif isinstance(value, str) and MARK.match(value):
                inputs[name] = value[1:] if value.startswith("@@") else (files or {})[value.removeprefix(FILE_MARK)]
            elif (node_id, name) in (models or {}):
                inputs[name] = (models or {})[node_id, name]
    return bound


def _to_input_value(value: ParameterValue, writes: Mapping[str, str | int | float]) -> InputValue:
    if isinstance(value, dict):
        return f"{FILE_MARK}{value['sha256']}.{value['ext']}"
    if isinstance(value, str) and value in writes:
        return writes[value]
    if isinstance(value, str) and MARK.match(value):
        return f"@{value}"
    return value
