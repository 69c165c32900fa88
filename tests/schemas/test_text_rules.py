"""The rules of interceptions: which parameters each has, and what it has without them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from schemas.nodes import NodeTable
from schemas.text_rules import CutUp, Echo, Erasure, Rule, Sounds
from tests.schemas.breaking import Case, cases, check
from tests.schemas.conftest import Write

RULE: Any = Rule  # for mypy, which takes a union for a type only in some orders of reading
READ = TypeAdapter(RULE)


@cases("text_rules")
def test_a_broken_rule_is_told_with_its_place(case: Case, write: Write, tables: dict[str, NodeTable]) -> None:
    check(case, write, tables)


def test_the_kind_alone_is_a_whole_rule() -> None:
    assert READ.validate_python({"kind": "cut_up"}) == CutUp(kind="cut_up", min_words=1, max_words=1)
    assert READ.validate_python({"kind": "erasure"}) == Erasure(kind="erasure", share=0.25, least=3)
    assert READ.validate_python({"kind": "echo"}) == Echo(kind="echo", share=0.3, times=2)


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "cut_up", "min_words": 2, "max_words": 2},
        {"kind": "erasure", "share": 0, "least": 100},
        {"kind": "echo", "share": 1, "times": 9},
        {"kind": "lipogram", "letters": "aeiou", "means": "respell"},
        {"kind": "shift", "steps": 1000},
        {"kind": "exchange", "words": {"a": "b"}, "both_ways": True},
        {"kind": "sounds", "sounds": [{"words": ["rain*"], "bpm": 20}], "drawn": 9, "most_instruments": 20},
    ],
)
def test_a_value_at_its_limit_is_taken(content: dict[str, Any]) -> None:
    assert READ.validate_python(content).model_dump(exclude_unset=True, mode="json") == content


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"kind": "cut_up", "min_words": 0}, "min_words"),
        ({"kind": "cut_up", "max_words": 101}, "max_words"),
        ({"kind": "erasure", "share": 1.01}, "share"),
        ({"kind": "erasure", "share": "0.5"}, "share"),
        ({"kind": "echo", "times": 10}, "times"),
        ({"kind": "echo", "times": True}, "times"),
        ({"kind": "lipogram", "letters": "E"}, "letters"),
        ({"kind": "lipogram", "letters": "abcdef"}, "letters"),
        ({"kind": "lipogram"}, "letters"),
        ({"kind": "exchange", "words": {}}, "words"),
        ({"kind": "exchange", "words": {"": "b"}}, "words"),
        ({"kind": "sounds", "sounds": [{"words": ["x"], "bpm": 301}]}, "sounds"),
        ({"kind": "plain", "share": 0.5}, "share"),
    ],
)
def test_a_value_beyond_its_limit_is_refused_at_its_field(content: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        READ.validate_python(content)
    assert wrong.value.errors()[0]["loc"][1] == field


def test_a_rule_cannot_be_changed() -> None:
    rule = READ.validate_python({"kind": "sounds", "sounds": [{"words": ["x"]}]})
    assert isinstance(rule, Sounds)
    with pytest.raises(ValidationError, match="frozen"):
        rule.drawn = 3  # type: ignore[misc]
