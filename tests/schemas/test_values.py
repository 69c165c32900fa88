"""The values of parameters at the edges of what each type allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.values import (
    SEED_MAX,
    Placeholder,
    ValueProblem,
    ValueRule,
    draw_seed,
    from_json,
    is_random,
    is_stored_file,
    to_json,
)

SHA = "0a" * 32
RULES = {
    "string": ValueRule("string"),
    "text": ValueRule("text"),
    "int": ValueRule("int", 1, 9, unit="steps"),
    "float": ValueRule("float", -1.5, 2),
    "bool": ValueRule("bool"),
    "choice": ValueRule("choice", choices=("V0", "128k", 44100)),
    "channels": ValueRule("choice", choices=(1, 2)),
    "seed": ValueRule("seed"),
    "narrow": ValueRule("seed", 10, 19),
    "file": ValueRule("file"),
}


@pytest.mark.parametrize(
    ("rule", "value", "read"),
    [
        ("string", "", ""), ("string", "line\n", "line\n"), ("text", "a\nb", "a\nb"),
        ("int", 1, 1), ("int", 9.0, 9),
        ("float", -1.5, -1.5), ("float", 2, 2.0),
        ("bool", False, False),
        ("choice", "V0", "V0"), ("choice", 44100.0, 44100),
        ("seed", 0, 0), ("seed", SEED_MAX, SEED_MAX), ("narrow", 19.0, 19),
        ("file", {"sha256": SHA, "ext": "wav"}, {"sha256": SHA, "ext": "wav"}),
    ],
)  # fmt: skip
def test_a_value_at_the_edge_is_read_in_the_form_of_its_type(rule: str, value: object, read: object) -> None:
    got = RULES[rule].read(value)
    assert (got, type(got)) == (read, type(read))


@pytest.mark.parametrize(
    ("rule", "value", "words"),
    [
        ("string", "a\nb", "must be one line of text; not 'a\\nb'"),
        ("string", "a\u2028b", "must be one line of text; not 'a\\u2028b'"),
        ("text", None, "must be text; not None"),
        ("text", "\ud83e", "must be text in valid Unicode; not '\\ud83e'"),
        ("int", 10, "must be a whole number from 1 to 9 steps; not 10"),
        ("int", 1.5, "must be a whole number from 1 to 9 steps; not 1.5"),
        ("int", True, "must be a whole number from 1 to 9 steps; not True"),
        ("int", float("nan"), "must be a whole number from 1 to 9 steps; not nan"),
        ("float", 2.0001, "must be a number from -1.5 to 2; not 2.0001"),
        ("float", False, "must be a number from -1.5 to 2; not False"),
        ("bool", 1, "must be true or false; not 1"),
        ("choice", "44100", "must be one of 44100, V0, 128k; not '44100'"),
        ("channels", True, "must be one of 1, 2; not True"),
        ("narrow", 9, 'must be a whole number from 10 to 19, or -1, null or "random" for a drawn one; not 9'),
        ("file", {"sha256": SHA, "ext": "../x"}, "must be a stored file: its sha256 (64 hex digits) and its ext"),
        ("file", {"sha256": SHA.upper(), "ext": "wav"}, "must be a stored file"),
        ("file", {"sha256": SHA, "ext": "wav", "path": "x"}, "must be a stored file"),
    ],
)  # fmt: skip
def test_a_value_beyond_it_is_refused_with_what_is_allowed(rule: str, value: object, words: str) -> None:
    with pytest.raises(ValueProblem) as wrong:
        RULES[rule].read(value)
    assert str(wrong.value).startswith(words)


@pytest.mark.parametrize("endless", [float("inf"), float("nan")])
def test_a_number_without_bounds_is_still_finite(endless: float) -> None:
    with pytest.raises(ValueProblem, match="must be a finite number; not"):
        ValueRule("float").read(endless)


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    with pytest.raises(ValueProblem) as wrong:
        RULES["int"].read("x" * 5_000)
    assert len(str(wrong.value)) < 150


def test_a_choice_that_is_near_is_offered_first_as_json() -> None:
    with pytest.raises(ValueProblem) as wrong:
        RULES["choice"].read("128")
    assert wrong.value.allowed == ["128k", "V0", "44100"]


@pytest.mark.parametrize(
    ("value", "drawn"), [(None, True), (-1, True), ("random", True), (-1.0, False), (0, False), ("", False)]
)
def test_a_seed_is_drawn_where_it_is_asked_for(value: object, drawn: bool) -> None:
    assert is_random(value) is drawn


def test_a_drawn_seed_lies_within_the_range_with_both_ends() -> None:
    assert [draw_seed(RULES["narrow"], lambda n=n: n) for n in (0, 9, 10)] == [10, 19, 10]  # type: ignore[misc]
    assert draw_seed(RULES["seed"], lambda: SEED_MAX) == SEED_MAX


def test_values_survive_a_plan_or_record() -> None:
    values: dict[str, Any] = {
        "text": Placeholder("text"),
        "own": Placeholder("input_text"),
        "file": {"sha256": SHA, "ext": "wav"},
        "on": True,
    }
    assert from_json(json.loads(json.dumps(to_json(values)))) == values


@pytest.mark.parametrize("recorded", [None, [], {"$placeholder": "other"}, {"sha256": SHA}])
def test_what_no_record_of_ours_holds_is_refused(recorded: object) -> None:
    with pytest.raises(ValueError, match=r"^seconds is recorded as .*, which is no value of a parameter$"):
        from_json({"seconds": recorded})


def test_a_stored_file_has_two_texts_and_nothing_else() -> None:
    assert is_stored_file({"sha256": SHA, "ext": "wav"})
    assert not any(map(is_stored_file, ({"sha256": SHA}, {"sha256": 1, "ext": "wav"}, "x", None)))
