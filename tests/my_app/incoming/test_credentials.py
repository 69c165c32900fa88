"""The key in a header, however it is written."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from my_app.incoming.credentials import shown_key


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer ", ""),
        ("Bearer", None),
        ("Basic abc", None),
        ("", None),
    ],
)
def test_a_key_is_what_stands_behind_bearer(header: str, key: str | None) -> None:
    assert shown_key(make_mocked_request("GET", "/", {"Authorization": header})) == key


def test_without_the_header_there_is_none() -> None:
    assert shown_key(make_mocked_request("GET", "/")) is None
