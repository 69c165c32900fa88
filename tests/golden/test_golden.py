from __future__ import annotations

import json

import pytest

from schemas.catalog import Catalog
from schemas.loader import load_catalog, load_tables
from schemas.nodes import NodeTable, check_graph
from schemas.values import PLACEHOLDERS
from tests.golden.write import GOLDEN, SCHEMAS, TEXTS, expected

OUTPUTS = sorted(path.stem for path in (SCHEMAS / "configs" / "output").glob("*.yaml"))


@pytest.fixture(scope="module")
def tables() -> dict[str, NodeTable]:
    return load_tables([SCHEMAS])


@pytest.fixture(scope="module")
def catalog(tables: dict[str, NodeTable]) -> Catalog:
    return load_catalog([SCHEMAS], tables)


def test_what_is_kept_is_what_would_be_written() -> None:
    texts = expected()
    assert {path for path in texts if path.parent == GOLDEN} == set(GOLDEN.glob("*.json"))
    for path, text in texts.items():
        assert path.read_text() == text, f"{path.name} has changed: look at it with `make golden` and `git diff`"


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_value_of_a_config_is_in_its_graph(name: str, catalog: Catalog) -> None:
    graph = json.loads((GOLDEN / f"{name}.json").read_text())["graph"]
    chunk = catalog.chunk_of(name)
    for parameter, value in catalog.output(name).values.items():
        wanted = TEXTS[PLACEHOLDERS[value]] if value in PLACEHOLDERS else value
        for target in chunk.parameters[parameter].sets:
            assert graph[target.node]["inputs"][target.input] == wanted
    for model in chunk.models:
        assert graph[model.node]["inputs"][model.input] == model.file
    for output in chunk.outputs:
        assert graph[output.node]["inputs"]["filename_prefix"] == "@prefix"


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_compiled_graph_is_one_that_the_tables_allow(name: str, tables: dict[str, NodeTable]) -> None:
    graph = json.loads((GOLDEN / f"{name}.json").read_text())["graph"]
    assert check_graph(graph, NodeTable.merged(tables.values())) == []
