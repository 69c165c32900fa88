"""Long graphs at our own host: a chain may be as long as is allowed, and its steps grow with it and not faster."""

from __future__ import annotations

from typing import Any

import pytest

from devserver.host.executor import MAX_PROGRESS_NODES
from devserver.host.folders import Folders
from devserver.host.graph import MOST_LINKS, MOST_NODES, Schedule, plan_nodes, signatures
from devserver.host.node_class import Table
from devserver.host.tables import load
from devserver.host.validate import validate
from tests.counting import steps
from tests.host.conftest import Bench
from tests.importing.test_limits import chain


@pytest.fixture
def table(folders: Folders) -> Table:
    return load("stock", folders)


def checked(length: int, table: Table) -> None:
    graph = chain(length)
    assert validate(graph, table).outputs == ["end"]
    assert len(signatures(graph, lambda _: "")) == length + 1
    assert (
        len(list(Schedule(plan_nodes(graph, ["end"], lambda _: False), lambda node_id: node_id == "end"))) == length + 1
    )


def test_a_chain_of_five_thousand_nodes_is_checked_and_ordered(table: Table) -> None:
    checked(5000, table)


def test_the_steps_grow_with_the_graph(table: Table) -> None:
    assert steps(lambda: checked(2000, table)) / steps(lambda: checked(500, table)) < 4.6


def test_a_long_chain_runs_and_each_state_lists_the_newest_nodes(bench: Bench) -> None:
    outputs = bench.run(chain(1000))
    assert list(outputs) == ["end"]
    states = [data["nodes"] for event, data in bench.events if event == "progress_state"]
    assert max(map(len, states)) == MAX_PROGRESS_NODES
    assert states[-1]["end"]["state"] == "finished"


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (chain(MOST_NODES), f"{MOST_NODES + 1} nodes; at most {MOST_NODES}"),
        (
            {"1": {"class_type": "EmptyAudio", "inputs": {str(n): ["1", 0] for n in range(100_000)}}},
            f"at most {MOST_LINKS}",
        ),
        ({"1": {"class_type": "EmptyAudio", "inputs": {"duration": deep(70)}}}, "nested deeper"),
    ],
    ids=["nodes", "links", "levels"],
)
def test_a_prompt_that_is_too_large_is_refused_with_limit_and_value(table: Table, graph: Any, words: str) -> None:
    verdict = validate(graph, table)
    assert verdict.error is not None
    assert verdict.error["type"] == "prompt_too_large"
    assert words in verdict.error["message"]


def test_an_error_far_up_a_chain_is_told_for_its_node(table: Table) -> None:
    graph = chain(3000)
    graph["0"]["inputs"]["duration"] = "long"
    verdict = validate(graph, table)
    assert verdict.outputs == []
    assert [error["type"] for error in verdict.node_errors["0"]["errors"]] == ["invalid_input_type"]
