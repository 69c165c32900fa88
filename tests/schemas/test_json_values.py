"""JSON that may be anything, read without an error."""

from __future__ import annotations

import pytest

from schemas.json_values import is_deeper, read_list, read_object, read_text


@pytest.mark.parametrize("value", [None, 0, "x", True, 1.5])
def test_a_value_of_another_kind_reads_as_an_empty_one(value: object) -> None:
    assert (read_object(value), read_list(value)) == ({}, [])
    assert (read_object([value]), read_list({"a": value})) == ({}, [])


def test_a_value_of_the_kind_is_the_same_object() -> None:
    mapping, row = {"a": 1}, [1]
    assert read_object(mapping) is mapping
    assert read_list(row) is row


def test_null_reads_as_no_text() -> None:
    assert [read_text(value) for value in (None, False, 0, "", "x", 5)] == ["", "", "", "", "x", "5"]


@pytest.mark.parametrize(
    ("value", "depth"), [(1, 0), ([], 1), ([1, {}], 2), ({"a": [{"b": []}]}, 4), ([[], [[], [[]]]], 4)]
)
def test_the_deepest_branch_decides_how_deep_a_value_is(value: object, depth: int) -> None:
    assert not is_deeper(value, depth)
    assert depth == 0 or is_deeper(value, depth - 1)
