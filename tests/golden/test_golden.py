from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.catalog import Catalog
from schemas.compiler import PREFIX, bind
from schemas.graph import Graph
from schemas.loader import load_tables
from schemas.model import GraphChunk
from schemas.nodes import NodeTable, check_graph
from schemas.values import PLACEHOLDERS
from tests.golden.write import FILE, GOLDEN, SCHEMAS, TEXTS, compiled, expected, golden_file, makers
from tests.loading import load_catalog

TABLES = load_tables([SCHEMAS])
CATALOG = load_catalog([SCHEMAS], TABLES)
MAKERS = [pytest.param(output, chunk, id=f"{output}-{chunk.name}") for output, chunk in makers(CATALOG)]
PRESETS = [
    pytest.param(output, chunk, preset, id=f"{output}-{chunk.name}-{preset}")
    for output, chunk in makers(CATALOG)
    for preset in [None, *CATALOG.output(output).presets]
]
UPLOADED = "tonewright/uploaded"


def test_what_is_kept_is_what_would_be_written() -> None:
    texts = expected()
    assert {path for path in texts if path.parent == GOLDEN} == set(GOLDEN.glob("*.json"))
    for path, text in texts.items():
        assert path.read_text() == text, f"{path.name} has changed: look at it with `make golden` and `git diff`"


@pytest.mark.parametrize(("output", "chunk", "preset"), PRESETS)
def test_every_value_of_a_config_and_of_its_presets_is_in_the_bound_graph(
    output: str, chunk: GraphChunk, preset: str | None
) -> None:
    graph = bound(CATALOG, output, chunk, preset)
    config = CATALOG.output(output)
    values = {**config.values, **config.presets[preset]} if preset else config.values
    for name, value in values.items():
        parameter = chunk.parameters[name]
        wanted = TEXTS[PLACEHOLDERS[str(value)]] if value in PLACEHOLDERS else parameter.writes.get(str(value), value)
        for target in parameter.sets:
            assert graph[target.node]["inputs"][target.input] == wanted
    for parameter in chunk.parameters.values():
        if parameter.type == "file":
            assert [graph[target.node]["inputs"][target.input] for target in parameter.sets] == [UPLOADED]
    for model in chunk.models:
        assert graph[model.node]["inputs"][model.input] == f"deep/{model.file}"
    for made in chunk.outputs:
        assert graph[made.node]["inputs"]["filename_prefix"] == "mine"


def bound(catalog: Catalog, output: str, chunk: GraphChunk, preset: str | None) -> Graph:
    """An output's graph as a backend gets it that has the models in a sub-folder."""
    graph: Graph = compiled(catalog, output, chunk, preset)["graph"]
    models = {(model.node, model.input): f"deep/{model.file}" for model in chunk.models}
    return bind(graph, prefix="mine", models=models, files={f"{FILE['sha256']}.{FILE['ext']}": UPLOADED})


@pytest.mark.parametrize(("output", "chunk"), MAKERS)
def test_a_compiled_graph_is_one_that_the_tables_allow(output: str, chunk: GraphChunk) -> None:
    kept: dict[str, Any] = json.loads(golden_file(CATALOG, output, chunk).read_text())
    assert kept["graph"][chunk.outputs[0].node]["inputs"]["filename_prefix"] == PREFIX
    assert check_graph(kept["graph"], NodeTable.for_chunk(TABLES, chunk.table)) == []


def test_every_output_that_a_model_makes_has_the_same_three_presets() -> None:
    for name, config in CATALOG.outputs.items():
        if name != "silence_mp3":
            assert list(config.presets) == ["draft", "balanced", "best"], name
            assert config.hints.seconds > 0


def test_the_page_of_outputs_names_each_with_its_models_and_where_they_belong() -> None:
    page = (SCHEMAS.parent / "docs" / "outputs.md").read_text("utf8")
    for output, chunk in makers(CATALOG):
        assert f"| `{output}` | {CATALOG.output(output).description.en} |" in page
        for model in chunk.models:
            assert f"| `models/{model.folder}/{model.file}` |" in page
