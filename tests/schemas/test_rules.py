"""Every rule for definitions, broken once: the message names file, line and field, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from schemas.loader import read_definitions
from schemas.nodes import NodeTable
from tests.schemas.conftest import FILES, Write

CHUNK, OUTPUT, SPARE = "chunks/tone.yaml", "configs/output/tone.yaml", "configs/output/spare.yaml"
BROKEN = yaml.safe_load((Path(__file__).parent / "broken.yaml").read_text())


def messages(write: Write, tables: dict[str, NodeTable], files: dict[str, str]) -> list[str]:
    _, problems = read_definitions([write(**files)], tables)
    return [str(problem) for problem in sorted(problems)]


def test_the_small_definitions_are_valid(write: Write, tables: dict[str, NodeTable]) -> None:
    assert messages(write, tables, FILES) == []


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_told_with_its_place(name: str, write: Write, tables: dict[str, NodeTable]) -> None:
    case, file = BROKEN[name], BROKEN[name]["file"]
    old = FILES[file] if case["old"] is None else case["old"]
    assert old in FILES[file]
    told = messages(write, tables, {**FILES, file: FILES[file].replace(old, case["new"], 1)})
    expected = case["told"]
    assert len(told) == len(expected), told
    for message, start in zip(told, expected, strict=True):
        assert message.startswith(f"defs/{start}")


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
