"""Files that other programs wrote: text, or words that say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.texts import Unreadable, decode, parse_json, read_text


def refused(text: str) -> tuple[str, int]:
    with pytest.raises(Unreadable) as wrong:
        parse_json(text)
    return wrong.value.reason, wrong.value.line


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_text(path) == "{}"


def test_a_file_may_have_as_many_bytes_as_are_allowed_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("12345")
    assert read_text(path, 5) == "12345"
    with pytest.raises(Unreadable, match="it has 5 bytes; at most 4 are allowed"):
        read_text(path, 4)


def test_a_folder_and_a_file_that_is_absent_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="it is a folder"):
        read_text(tmp_path)
    with pytest.raises(Unreadable, match="it is no file"):
        read_text(tmp_path / "absent")


@pytest.mark.parametrize(
    ("raw", "reason", "line"),
    [
        ("a".encode("utf-16"), "this is UTF-16; save it as UTF-8", 1),
        ("a".encode("utf-32"), "this is UTF-32; save it as UTF-8", 1),
        ("ab\nc".encode("utf-16-be"), "this is UTF-16; save it as UTF-8", 1),
        (b"one\ntwo\0three", "this is no text", 2),
        (b"one\ntwo\n\xe4", "this is no text in UTF-8 (byte 0xe4)", 3),
    ],
)
def test_bytes_that_are_no_utf_8_are_refused_with_their_line(raw: bytes, reason: str, line: int) -> None:
    with pytest.raises(Unreadable) as wrong:
        decode(raw)
    assert (wrong.value.reason, wrong.value.line) == (f"cannot be read: {reason}", line)


def test_json_that_breaks_off_is_told_with_its_line() -> None:
    assert refused('{"a": 1,\n"b": ') == ("is not JSON: Expecting value", 2)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("NaN", "NaN is not a JSON number"),
        ("-Infinity", "-Infinity is not a JSON number"),
        ("1e999", "1e999 is larger than any number that can be kept"),
        ("9" * 41, f"{'9' * 40} is a number of too many digits"),
    ],
)
def test_a_number_that_is_none_is_told_with_its_line_but_not_where_a_text_says_the_same(
    number: str, reason: str
) -> None:
    assert refused(f'{{"a": "{number}",\n"b": {number}}}') == (f"is not JSON: {reason}", 2)


def test_forty_digits_are_a_number_still() -> None:
    assert parse_json("9" * 40) == int("9" * 40)


def test_numbers_without_an_end_are_read_where_python_wrote_them() -> None:
    assert parse_json("[-Infinity, 1e999]", endless=True) == [float("-inf"), float("inf")]


def test_what_is_nested_without_an_end_is_refused() -> None:
    assert refused("[" * 100_000) == ("is nested too deeply", 1)
