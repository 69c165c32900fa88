"""What is compared of a case."""

from __future__ import annotations

from typing import Any

from tests.kept.comparing import counted_together, differences


def run_of(*prompts: list[str]) -> dict[str, Any]:
    nodes = [[{"node": name, "seconds": "<seconds>"} for name in names] for names in prompts]
    return {"record": {"stages": [{}, *({"attempts": [{"result": {"nodes": ran}}]} for ran in nodes)]}}


def different(was: dict[str, Any], now: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    found = differences("a case", counted_together(was), counted_together(now))
    return [(one.path, one.was, one.now) for one in found]


def test_whichever_of_several_prompts_of_a_run_ran_a_node() -> None:
    was = run_of(["load", "convert"], ["convert"], ["convert"])
    assert different(was, run_of(["convert"], ["load", "convert"], ["convert"])) == []
    assert [path for path, _, _ in different(was, run_of(["convert"], ["convert"], ["convert"]))] == ["record/nodes/3"]


def test_the_nodes_of_one_prompt_are_compared_in_their_order() -> None:
    path = "record/stages/1/attempts/0/result/nodes"
    found = different(run_of(["load", "save"]), run_of(["save", "load"]))
    assert {at.rpartition("/")[0] for at, _, _ in found} == {path}
