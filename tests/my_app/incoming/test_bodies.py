"""Bodies of JSON: what can be kept and sent on, and the words for all else."""

from __future__ import annotations

import pytest

from devserver.errors import InputError
from my_app.incoming import bodies
from my_app.incoming.bodies import DEEPEST, MOST_DIGITS, read_json


def refused(raw: bytes) -> InputError:
    with pytest.raises(InputError) as wrong:
        read_json(raw)
    return wrong.value


def test_an_object_is_read_as_it_is() -> None:
    assert read_json('{"a": [1, 2.5, null, "größer"], "b": {}}'.encode()) == {"a": [1, 2.5, None, "größer"], "b": {}}


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (b'{"a":\n1,}', "body_no_json", "2"),
        (b"", "body_no_json", "1"),
        (b"[1]", "body_no_object", "not an object"),
        (b'{"a": "\xff"}', "body_no_utf8", "UTF-8"),
        (rb'{"a": "\ud800"}', "body_no_utf8", "UTF-8"),
        (b'{"a": 1, "b": 2, "a": 3}', "body_unusable", "the name 'a' is there twice"),
        (rb'{"a": "x\u0000"}', "body_unusable", "a text has a zero byte"),
        (rb'{"\u0000": 1}', "body_unusable", "a text has a zero byte"),
        (b'{"a": NaN}', "body_unusable", "NaN is no number in JSON"),
        (b'{"a": 1e999}', "body_unusable", "1e999 is larger than any number that can be kept"),
        (b'{"a": ' + b"9" * (MOST_DIGITS + 1) + b"}", "body_unusable", f"{MOST_DIGITS} are allowed"),
        (b'{"a": ' + b"[" * 100_000, "body_unusable", f"deeper than {DEEPEST} levels"),
    ],
)
def test_what_could_not_be_kept_is_refused_in_words(raw: bytes, code: str, words: str) -> None:
    error = refused(raw)
    assert (error.message_code, error.status) == (code, 400)
    assert words in error.message


def test_a_body_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    assert read_json(b'{"a": ' + b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1) + b"}")
    assert "deeper" in refused(b'{"a": ' + b"[" * DEEPEST + b"1" + b"]" * DEEPEST + b"}").message


def test_very_many_values_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_VALUES", 2)
    assert read_json(b'{"a": [1, 2, 3]}')
    error = refused(b'{"a": [1, 2, 3, 4')
    assert (error.message_code, error.status) == ("body_too_many_values", 413)
