"""Node tables (from node_table.py), and the check of a graph against one: ComfyUI itself leaves half of it unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import PureWindowsPath
from typing import Literal

from schemas.errors import hint, nearest
from schemas.graph import Graph, GraphNode, InputValue, link_of
from schemas.json_values import Json
from schemas.model import ModelFile
from schemas.node_table import WIDGETS, NodeClass, NodeInput, NodeTable, TableError, is_model_file, types_fit

__all__ = [
    "Fit",
    "GraphProblem",
    "NodeClass",
    "NodeInput",
    "NodeTable",
    "ProblemKind",
    "TableError",
    "check_graph",
    "fit",
    "match_models",
]

MOST_PROBLEMS = 200  # of one graph: finding the nearest names for each takes a while
ProblemKind = Literal[
    "missing_node",
    "unknown_input",
    "missing_input",
    "bad_value",
    "missing_model",
    "ambiguous_model",
    "bad_link",
    "cycle",
]
# Widgets of the browser that "Save (API format)" writes beside the inputs; the server ignores them.
BROWSER_ONLY = frozenset({"audioUI", "upload", "videoUI", "control_after_generate"})


# How publishers tell the precisions of one model apart; GGUF's are like q4_k_m.
PRECISION = re.compile(
    r"[-_.](fp(?:32|16)|bf16|fp8(?:[-_.]e(?:4m3fn|5m2))?(?:[-_.]scaled)?|fp4|nf4|nvfp4|mxfp8|int[48]|q[2-8](?:_[01k](?:_[sml])?)?)"
    r"(?=[-_.]|$)"
)


@dataclass(frozen=True)
class GraphProblem:
    """A reason to refuse a graph. `available` lists up to five values that the backend has, nearest first."""

    kind: ProblemKind
    node_id: str
    class_type: str
    input: str
    value: Json
    available: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Fit:
    """The fit of a graph to a backend: the backend's own model names, and the problems (none if it fits)."""

    bindings: Mapping[tuple[str, str], str]
    problems: tuple[GraphProblem, ...]


def check_graph(graph: Graph, table: NodeTable) -> list[GraphProblem]:
    """Return every reason for which a backend with this table would refuse the graph or fail on it."""
    problems: list[GraphProblem] = []
    for node_id, node in graph.items():
        problems += _check_node(str(node_id), node, graph, table)
        if len(problems) >= MOST_PROBLEMS:
            last = problems[MOST_PROBLEMS - 1]
            return [
                *problems[: MOST_PROBLEMS - 1],
                replace(last, message=f"{last.message}; further problems are not listed"),
            ]
    return problems + _cycles(graph)


def match_models(
    models: Iterable[ModelFile], graph: Graph, table: NodeTable
) -> tuple[dict[tuple[str, str], str], list[GraphProblem]]:
    """Return the backend's own name of each model.

    Folder and name decide, with either slash. Where no file is there, the only one of that name is taken, or the model
    in another precision; several of one name are a problem.
    """
    bindings: dict[tuple[str, str], str] = {}
    problems: list[GraphProblem] = []
    for model in models:
        class_type = str(graph[model.node]["class_type"])
        node_class = table.classes.get(class_type)
        node_input = node_class.inputs.get(model.input) if node_class else None
        if node_input is None:
            why = f"the backend has no {class_type} to load it with"
            problems.append(_missing_model(model, class_type, (), why))
            continue
        candidates = _own_names(model.file, node_input.options)
        if len(candidates) > 1:
            problems.append(_ambiguous_model(model, class_type, candidates))
            continue
        if not candidates:
            offered = node_input.options or ()
            why = f"in models/{model.folder} {hint(model.file, offered)}"
            problems.append(_missing_model(model, class_type, tuple(nearest(model.file, offered)), why))
            continue
        bindings[model.node, model.input] = candidates[0]
    return bindings, problems


def fit(models: Iterable[ModelFile], graph: Graph, table: NodeTable) -> Fit:
    """Make both checks, and name each missing model once; they decide whether a backend can run a stage."""
    models = list(models)
    bindings, problems = match_models(models, graph, table)
    checked = {(model.node, model.input) for model in models}
    others = [problem for problem in check_graph(graph, table) if (problem.node_id, problem.input) not in checked]
    return Fit(bindings, tuple(problems + others))


def _missing_model(model: ModelFile, class_type: str, available: tuple[str, ...], why: str) -> GraphProblem:
    message = f"model {model.file} for node {model.node} ({class_type}) is missing: {why}"
    return GraphProblem("missing_model", model.node, class_type, model.input, model.file, available, message)


def _ambiguous_model(model: ModelFile, class_type: str, names: list[str]) -> GraphProblem:
    several = f"has several files of that name: {', '.join(names)}; name one with its folder"
    message = f"model {model.file} for node {model.node} ({class_type}): the backend {several}"
    file, available = model.file, tuple(names)
    return GraphProblem("ambiguous_model", model.node, class_type, model.input, file, available, message)


def _own_names(file: str, options: tuple[Json, ...] | None) -> list[str]:
    """Return each name under which a backend may have a file: one where that is clear, none where it has it not."""
    if options is None or file in options:
        return [file]
    offered = [option for option in options if isinstance(option, str)]
    there = [option for option in offered if same_place(option, file)]
    if there:
        return there[:1]
    # A definition made on Windows may write a name in another case. Who looks so finds one file at most, or refuses.
    for alike in (_in_that_case, str.casefold):
        there = [option for option in offered if alike(normalise_slashes(option)) == alike(normalise_slashes(file))]
        named = there if len(there) == 1 else [o for o in offered if alike(base_name(o)) == alike(base_name(file))]
        if named:
            return named
    others = [option for option in offered if same_model(file, option)]
    if not others:
        return []
    best = base_name(min(others, key=lambda option: (_coarseness(option), len(option), option)))
    others = [option for option in others if base_name(option) == best]
    return [option for option in others if _folder(option) == _folder(file)] or others


def _in_that_case(name: str) -> str:
    return name


def normalise_slashes(name: str) -> str:
    """Return a model's name with the slashes of every system but Windows."""
    return name.replace("\\", "/")


def base_name(name: str) -> str:
    """Return a model's name without its folder, whichever slashes it is written with."""
    return normalise_slashes(name).rpartition("/")[2]


def same_place(name: str, other: str) -> bool:
    """Tell whether two names are of one file in one folder."""
    return normalise_slashes(name) == normalise_slashes(other)


def _folder(name: str) -> str:
    return normalise_slashes(name).rpartition("/")[0]


def same_model(file: str, other: object) -> bool:
    """Tell if two names are of one model in two precisions: `x_fp16.safetensors` and `y/x_fp8_scaled.safetensors`."""
    if not is_model_file(other):
        return False
    (own, own_precision), (theirs, their_precision) = _parts(file), _parts(other)
    return own == theirs and own_precision != their_precision


def _parts(file: str) -> tuple[str, list[str]]:
    """Return a file's name without suffix, folder and precision, and the precision."""
    stem = PureWindowsPath(file).stem.casefold()
    return PRECISION.sub("", stem), PRECISION.findall(stem)


def _coarseness(file: str) -> int:
    """Return the bits per weight that a precision lacks to 32: less is nearer to the model as it was trained."""
    bits = [int(number) for word in _parts(file)[1] for number in re.findall(r"\d+", word)[:1]]
    return 32 - min(bits, default=16)


def _check_node(node_id: str, node: GraphNode, graph: Graph, table: NodeTable) -> list[GraphProblem]:
    class_type = str(node.get("class_type", "")) if isinstance(node, Mapping) else ""
    node_class = table.classes.get(class_type)
    if node_class is None:
        unreadable = table.unreadable.get(class_type)
        why = f"it is listed, but cannot be read: {unreadable}" if unreadable else hint(class_type, table.classes)
        message = f"node {node_id}: no class {class_type}; {why}" if class_type else f"node {node_id} has no class_type"
        near = tuple(nearest(class_type, table.classes))
        return [GraphProblem("missing_node", node_id, class_type, "", None, near, message)]

    def problem(kind: ProblemKind, name: str, value: InputValue, available: Iterable[str], what: str) -> GraphProblem:
        message = f"node {node_id} ({class_type}): {what}"
        return GraphProblem(kind, node_id, class_type, name, value, tuple(available), message)

    inputs = node.get("inputs") or {}
    problems: list[GraphProblem] = []
    for name, value in inputs.items():
        node_input = node_class.inputs.get(name)
        if node_input is None:
            if name not in BROWSER_ONLY and not _is_dynamic_input(name, node_class):
                known = nearest(name, node_class.inputs)
                what = f"no input {name}; {hint(name, node_class.inputs)}"
                problems.append(problem("unknown_input", name, value, known, what))
        elif isinstance(value, list):
            link = _link_problem(value, node_input, graph, table)
            problems += [problem("bad_link", name, value, *link)] if link else []
        else:
            bad = _value_problem(value, node_input)
            problems += [problem(bad[0], name, value, *bad[1:])] if bad else []
    for name, node_input in node_class.inputs.items():
        if node_input.required and name not in inputs and not node_input.type.startswith("COMFY_"):
            what = f"input {name} ({node_input.type}) is missing; defaults are not filled in"
            problems.append(problem("missing_input", name, None, (), what))
    return problems


def _is_dynamic_input(name: str, node_class: NodeClass) -> bool:
    """Tell whether an input that the class does not list belongs to one that newer versions of ComfyUI let grow."""
    parent = node_class.inputs.get(name.partition(".")[0])
    return parent is not None and parent.type.startswith("COMFY_")


def _link_problem(
    value: list[InputValue], node_input: NodeInput, graph: Graph, table: NodeTable
) -> tuple[list[str], str] | None:
    where = f"input {node_input.name}"
    link = link_of(value)
    if link is None:
        return [], f"{where} has the link {value}; a link is [node id as text, number of the output]"
    source, slot = link
    if source not in graph:
        return nearest(source, graph), f"{where} is linked to node {source}, which is not in the graph"
    node = graph[source]
    source_class = table.classes.get(str(node.get("class_type", ""))) if isinstance(node, Mapping) else None
    if source_class is None:
        return None  # reported where that node stands
    if not 0 <= slot < len(source_class.output):
        outputs = [f"{number} {kind}" for number, kind in enumerate(source_class.output)]
        what = f"{where} is linked to output {slot} of node {source} ({source_class.name}), which has"
        return outputs, f"{what} {', '.join(outputs) or 'none'}"
    given = source_class.output[slot]
    if not types_fit(given, node_input.type):
        fitting = [f"{number} {kind}" for number, kind in enumerate(source_class.output)]
        what = f"{where} takes {node_input.type}, but output {slot} of node {source} ({source_class.name}) is {given}"
        return fitting, what
    return None


def _value_problem(value: InputValue, node_input: NodeInput) -> tuple[ProblemKind, list[str], str] | None:
    where, kinds = f"input {node_input.name}", {part.strip() for part in node_input.type.split(",")}
    if isinstance(value, dict) and "__value__" in value:
        value = value["__value__"]  # ComfyUI's way to write a list that is not a link
    if "*" in kinds or node_input.type.startswith("COMFY_"):
        return None
    if kinds.isdisjoint(WIDGETS):
        return "bad_link", [], f"{where} needs a link to a node that gives {node_input.type}, not the value {value!r}"
    if "COMBO" in kinds:
        return _combo_problem(value, node_input)
    if not any(_is_of(kind, value) for kind in kinds):
        return "bad_value", [node_input.type], f"{where} is {value!r}, but takes {node_input.type}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = node_input.min, node_input.max
        if (low is not None and value < low) or (high is not None and value > high):
            allowed = " and ".join(part for part in (_bound("at least", low), _bound("at most", high)) if part)
            return "bad_value", [allowed], f"{where} is {value!r}, but must be {allowed}"
    return None


def _bound(words: str, bound: float | None) -> str:
    return "" if bound is None else f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"


def _is_of(kind: str, value: InputValue) -> bool:
    if kind == "BOOLEAN" or isinstance(value, bool):
        return kind == "BOOLEAN" and isinstance(value, bool)
    if kind == "INT":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, int | float if kind == "FLOAT" else str)


def _combo_problem(value: InputValue, node_input: NodeInput) -> tuple[ProblemKind, list[str], str] | None:
    where, options = f"input {node_input.name}", node_input.options
    if options is None or node_input.upload:
        scalar = isinstance(value, str | int | float | bool)
        return None if scalar else ("bad_value", ["a name"], f"{where} is {value!r}, but takes a name")
    if any(option == value and type(option) is type(value) for option in options):
        return None
    near = nearest(value, options)
    if node_input.is_model or is_model_file(value):
        return "missing_model", near, f"{where}: the model {value} is missing; {hint(value, options)}"
    return "bad_value", near, f"{where} is {value!r}; {hint(value, options)}"


def _sources(node: GraphNode) -> list[str]:
    inputs = node.get("inputs") or {} if isinstance(node, Mapping) else {}
    return [link.node for value in inputs.values() if (link := link_of(value))]


def _cycles(graph: Graph) -> list[GraphProblem]:
    """Return one problem for each node that closes a circle, with the way round; the walk keeps its own stack."""
    problems: list[GraphProblem] = []
    done: set[str] = set()
    for start in graph:
        path, pending = {start: None}, [iter(_sources(graph[start]))]
        while path and start not in done and len(problems) < MOST_PROBLEMS:
            source = next((one for one in pending[-1] if one in graph), None)
            if source is None:
                done.add(path.popitem()[0])
                pending.pop()
            elif source in path:
                way = [*islice(path, list(path).index(source), None), source]
                names = " -> ".join(reversed(way if len(way) <= MOST_PROBLEMS else [source, "...", source]))
                class_type = str(graph[source].get("class_type", ""))
                problems.append(
                    GraphProblem("cycle", source, class_type, "", [*way], (), f"the graph runs in a circle: {names}")
                )
            elif source not in done:
                path[source] = None
                pending.append(iter(_sources(graph[source])))
    return problems
