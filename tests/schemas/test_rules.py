"""Every rule between definitions, broken once: the message names file, line and field, and what is allowed."""

from __future__ import annotations

from schemas.nodes import NodeTable
from tests.schemas.breaking import Case, cases, check, messages
from tests.schemas.conftest import FILES, Write

CHUNK, OUTPUT, SPARE = "chunks/tone.yaml", "configs/output/tone.yaml", "configs/output/spare.yaml"


def test_the_small_definitions_are_valid(write: Write, tables: dict[str, NodeTable]) -> None:
    assert messages(write, tables, FILES) == []


@cases("rules")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def test_all_problems_come_at_once_in_order(write: Write, tables: dict[str, NodeTable]) -> None:
    files = {**FILES, OUTPUT: FILES[OUTPUT].replace("12.5", "0"), CHUNK: FILES[CHUNK].replace("V0, 128k", "V0, 1k")}
    told = messages(write, tables, files)
    assert len(told) == 2
    assert "chunks/tone.yaml:19" in "".join(told)
    assert "configs/output/tone.yaml:7" in "".join(told)


def test_fallbacks_in_a_circle_are_shown_with_their_way(write: Write, tables: dict[str, NodeTable]) -> None:
    back = {OUTPUT: FILES[OUTPUT] + "fallback: spare\n", SPARE: FILES[OUTPUT] + "fallback: tone\n"}
    told = messages(write, tables, {**FILES, **back})
    assert told[0].endswith(
        "configs/output/spare.yaml:9: fallback: the fallbacks run in a circle: spare -> tone -> spare"
    )
    assert len(told) == 2


def test_an_output_node_that_writes_no_file_need_not_be_listed(write: Write, tables: dict[str, NodeTable]) -> None:
    analyse = '"4": {"class_type": "TonewrightAnalyse", "inputs": {"audio": ["2", 0]}},\n  "2": {'
    graph = FILES["graphs/tone.json"].replace('"2": {', analyse)
    assert messages(write, tables, {**FILES, "graphs/tone.json": graph}) == []


def test_two_files_of_one_name_in_one_folder(write: Write, tables: dict[str, NodeTable]) -> None:
    told = messages(write, tables, {**FILES, "configs/output/tone.yml": FILES[OUTPUT]})
    assert told == ["defs/configs/output/tone.yml:1: the output tone is also defined in tone.yaml"]
