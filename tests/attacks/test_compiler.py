"""The compiler with any value in any parameter: refused by name, or in its place in the graph and nowhere else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.catalog import Catalog
from schemas.compiler import PREFIX, bind, compile_graph, fill, graph_hash, resolve
from schemas.errors import ParameterError
from schemas.loader import load_tables
from schemas.model import GraphChunk, Parameter
from schemas.values import from_json, to_json
from tests.attacks.made import QUIET, values
from tests.doubles.programs import ROOT
from tests.loading import load_catalog

FOLDERS = [ROOT / "schemas"]
CATALOG: Catalog = load_catalog(FOLDERS, load_tables(FOLDERS))
OUTPUTS = sorted(CATALOG.outputs)
FILE = {"sha256": "0" * 64, "ext": "wav"}
BOUND = {f"{'0' * 64}.wav": "theirs.wav"}
FEW = settings(QUIET, max_examples=15)


def of(output: str) -> tuple[GraphChunk, dict[str, Any]]:
    chunk = CATALOG.chunk_of(output)
    return chunk, CATALOG.graph(chunk.graph)


def allowed(parameter: Parameter) -> st.SearchStrategy[Any]:
    """A value that a parameter takes."""
    rule = parameter.rule
    low, high = rule.min, rule.max
    least, most = int(low) if low is not None else 0, int(high) if high is not None else 2**32 - 1
    by_type: dict[str, st.SearchStrategy[Any]] = {
        "text": st.text(max_size=50),
        "string": st.text(max_size=50).map(lambda text: " ".join(text.split())),
        "bool": st.booleans(),
        "file": st.just(FILE),
        "float": st.floats(low if low is not None else -1e6, high if high is not None else 1e6),
        "choice": st.sampled_from(rule.choices or ("",)),
    }
    return by_type.get(parameter.type, st.integers(least, most))


def compiled(chunk: GraphChunk, graph: dict[str, Any], asked: dict[str, Any], text: str) -> dict[str, Any]:
    resolved = resolve(chunk, None, asked, lambda: 7)
    return compile_graph(chunk, graph, fill(resolved, {"text": text, "input_text": text}))


@pytest.mark.parametrize("output", OUTPUTS)
@given(data=st.data())
@FEW
def test_allowed_values_land_in_their_places_and_nowhere_else(output: str, data: st.DataObject) -> None:
    chunk, graph = of(output)
    before, asked = copy.deepcopy(graph), {}
    for name, parameter in chunk.parameters.items():
        if data.draw(st.booleans()) or parameter.default is None:
            asked[name] = data.draw(allowed(parameter), label=name)
    made = compiled(chunk, graph, asked, "the text")
    assert graph == before
    assert made == compiled(chunk, graph, copy.deepcopy(asked), "the text")
    assert graph_hash(made) == graph_hash(json.loads(json.dumps(made)))
    changed = {(target.node, target.input) for parameter in chunk.parameters.values() for target in parameter.sets}
    changed |= {(model.node, model.input) for model in chunk.models}
    changed |= {(one.node, "filename_prefix") for one in chunk.outputs}
    assert made.keys() == graph.keys()
    for node_id, node in made.items():
        assert {**node, "inputs": None} == {**graph[node_id], "inputs": None}
        differing = {n for n in node["inputs"] if node["inputs"][n] != graph[node_id]["inputs"].get(n, node)}
        assert {(node_id, name) for name in differing} <= changed
    kept = resolve(chunk, None, asked, lambda: 7)
    assert from_json(json.loads(json.dumps(to_json(kept)))) == kept


@pytest.mark.parametrize("output", OUTPUTS)
@given(data=st.data())
@FEW
def test_any_value_is_refused_by_its_name_or_within_the_rule(output: str, data: st.DataObject) -> None:
    chunk, _ = of(output)
    right = needed(chunk)
    name = data.draw(st.sampled_from([*chunk.parameters, "", "nothing", "__class__"]))
    value = data.draw(values() | st.floats(allow_nan=True))
    try:
        resolved = resolve(chunk, None, {**right, name: value}, lambda: 7)
    except ParameterError as error:
        assert error.field == name  # noqa: PT017 - either outcome is right, and each has its own promise
        assert str(error)  # noqa: PT017 - same
        assert error.allowed or name not in chunk.parameters  # noqa: PT017 - same
        return
    rule, kept = chunk.parameters[name].rule, resolved[name]
    if isinstance(kept, int | float) and not isinstance(kept, bool):
        assert (rule.min is None or kept >= rule.min) and (rule.max is None or kept <= rule.max)  # noqa: PT018 - one range
    json.dumps(to_json(resolved), allow_nan=False)


def needed(chunk: GraphChunk) -> dict[str, Any]:
    """A value for each parameter that must be given one; a seed is drawn."""
    missing = {name: p for name, p in chunk.parameters.items() if p.default is None and p.type != "seed"}
    return {name: FILE if parameter.type == "file" else "x" for name, parameter in missing.items()}


TEXTS = [
    (output, name)
    for output in OUTPUTS
    for name, parameter in of(output)[0].parameters.items()
    if parameter.type == "text"
]


@pytest.mark.parametrize(("output", "name"), TEXTS)
@given(text=st.text(max_size=200))
@example(text="@file:" + "0" * 64 + ".wav")
@example(text="@@file:x")
@example(text=PREFIX)
@example(text='", "inputs": {"x": 1}, "y": "')
@example(text='["4", 0]')
@example(text="{{input_text}}")
@example(text="\u2028\U0001f941\x07")
@FEW
def test_any_text_arrives_unharmed(output: str, name: str, text: str) -> None:
    chunk, graph = of(output)
    try:
        resolved = resolve(chunk, None, {**needed(chunk), name: text}, lambda: 7)
    except ParameterError as error:
        assert error.field == name  # noqa: PT017 - a placeholder cannot be asked for
        return
    made = compile_graph(chunk, graph, fill(resolved, {"text": "x", "input_text": "x"}))
    bound = bind(made, prefix="prefix", files=BOUND)
    parameter = chunk.parameters[name]
    for target in parameter.sets:
        assert bound[target.node]["inputs"][target.input] == parameter.writes.get(text, text)
