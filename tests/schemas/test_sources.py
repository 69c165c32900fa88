"""A definition's text as values, each with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.nodes import NodeTable
from schemas.sources import DEEPEST, LONGEST_YAML, TOO_DEEP, Source, draft_source, json_lines, read_source
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write


@cases("sources")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def read(text: str) -> Source:
    source = draft_source("chunk", "x", text, "x.yaml")
    assert isinstance(source, Source), source
    return source


def refused(text: str) -> str:
    problems = draft_source("chunk", "x", text, "x.yaml")
    assert isinstance(problems, list), problems
    return str(problems[0])


def test_a_problem_is_placed_at_the_field_or_at_what_it_is_missing_from() -> None:
    source = read("a: 1\nb:\n  - x\n  - c: 2\n")
    assert [source.problem(path, "?").line for path in (("a",), ("b", 1, "c"), ("b", 1, "d"), ("e",))] == [1, 4, 4, 1]
    assert str(source.problem(("b", 1, "d"), "is required")) == "x.yaml:4: b.1.d: is required"


@pytest.mark.parametrize(
    ("written", "value"),
    [("off", "off"), ("yes", "yes"), ("12:30", "12:30"), ("2020-01-01", "2020-01-01"), ("012", 12), ("1e3", 1000.0),
     ("~", None), ("", None), ("true", True)],
)  # fmt: skip
def test_a_plain_scalar_is_what_yaml_1_2_says(written: str, value: object) -> None:
    assert read(f"a: {written}").content == {"a": value}


@pytest.mark.parametrize("number", ["9" * 41, "1e999"])
def test_a_number_that_no_float_holds_is_refused(number: str) -> None:
    assert refused(f"x: 1\na: {number}") == f"x.yaml:2: is not YAML: {number[:40]} is a number that cannot be kept"


def test_a_text_that_is_long_or_deep_is_refused_before_it_is_built() -> None:
    assert f"at most {LONGEST_YAML} are allowed" in refused("#" * (LONGEST_YAML + 1))
    assert read("a: " + "[" * (DEEPEST - 1) + "]" * (DEEPEST - 1))
    assert refused("a: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)).endswith(TOO_DEEP)
    assert refused("b: 1\na: " + "[" * 50_000) == f"x.yaml:2: {TOO_DEEP}"


def test_the_lines_of_json_are_those_of_its_keys() -> None:
    text = '{\n "a": {"x{": 1,\n  "y": [{"z": "\\"}"}]},\n "b": 2}'
    lines = {".".join(map(str, path)): line for path, line in json_lines(text).items()}
    assert (lines["a"], lines["a.x{"], lines["a.y"], lines["b"]) == (2, 2, 3, 4)


def test_a_file_that_cannot_be_read_is_its_own_problem(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\nb: \xff\n")
    (problem,) = read_source("chunk", tmp_path / "x.yaml", "x.yaml")  # type: ignore[misc]
    assert str(problem) == "x.yaml:2: cannot be read: this is no text in UTF-8 (byte 0xff)"
