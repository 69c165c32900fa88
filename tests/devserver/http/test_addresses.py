"""Passwords and tokens in addresses, headers and the words of others."""

from __future__ import annotations

import pytest

from devserver.http.addresses import header_secrets, hide_secrets, redact, split_credentials


def test_user_and_password_leave_an_address_as_what_they_mean() -> None:
    assert split_credentials("http://us%40er:p:w@host:8188/x") == ("http://host:8188/x", "Basic dXNAZXI6cDp3")
    assert split_credentials("http://[::1]:8188/x") == ("http://[::1]:8188/x", "")


def test_addresses_in_the_words_of_others_lose_their_secrets() -> None:
    text = "GET https://u:p@host/a?x=1&api_key=k1&sig=s2 failed (url: /v1/traces?token=t3), see http://host/@b"
    told = "GET https://***@host/a?x=1&api_key=***&sig=*** failed (url: /v1/traces?token=***), see http://host/@b"
    assert hide_secrets(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "http://h/?access_token=t0p", "http://h/?TOKEN=t0p", "/x?a=1&X-Api-Key=t0p", "postgres://t0p@h/d",
        "http://h/?auth=t0p", "amqp://:t0p@h", "http://h/?client_secret=t0p)", "'http://h/?sig=t0p'",
    ],
)  # fmt: skip
def test_a_secret_is_hidden_however_it_stands(text: str) -> None:
    assert "t0p" not in hide_secrets(text)
    assert "***" in hide_secrets(text)


@pytest.mark.parametrize("text", ["me@example.org", "http://host/a@b", "http://h/?page=2&sort=asc", "a key=5 of it"])
def test_what_is_no_secret_stays(text: str) -> None:
    assert hide_secrets(text) == text


def test_the_secrets_of_headers_are_whole_values_and_their_parts() -> None:
    headers = {"Authorization": "Bearer abcdefgh", "Cookie": "session=12345678", "Accept": "application/json"}
    assert set(header_secrets(headers)) == {"Bearer abcdefgh", "abcdefgh", "session=12345678", "12345678"}


def test_a_value_so_short_that_an_answer_may_mean_it_is_not_taken_out() -> None:
    assert header_secrets({"X-Token": "1234567"}) == ()
    assert header_secrets({"X-Token": "12345678"}) == ("12345678",)


def test_a_longer_secret_is_taken_out_before_its_part() -> None:
    secrets = header_secrets({"Authorization": "Bearer abcdefgh"})
    assert redact(b"you sent Bearer abcdefgh, or abcdefgh", secrets) == b"you sent ***, or ***"
