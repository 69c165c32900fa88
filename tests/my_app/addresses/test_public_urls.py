"""Which public address a request came by."""

from __future__ import annotations

import pytest

from my_app.addresses.public_urls import PublicUrl, called_by, host_name

STUDIO = PublicUrl.read("https://Studio.example.org:443/music/")
SECOND = PublicUrl.read("https://studio.example.org:8443")
SIX = PublicUrl.read("http://[fd00::1]:8080")


def test_an_address_is_its_origin_its_name_and_its_path() -> None:
    assert PublicUrl("https://studio.example.org", "studio.example.org", "/music") == STUDIO
    assert PublicUrl("http://[fd00::1]:8080", "[fd00::1]", "") == SIX
    assert PublicUrl.read("http://[::1]:80/").is_loopback
    assert not STUDIO.is_loopback


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("studio.example.org", STUDIO),
        ("STUDIO.example.org", STUDIO),
        ("studio.example.org:443", STUDIO),
        ("studio.example.org:8443", SECOND),
        ("studio.example.org:9000", None),
        ("[fd00::1]:8080", SIX),
        ("[fd00::1]", SIX),
        ("evil.example.org", None),
        ("", None),
    ],
)
def test_a_host_with_a_port_names_one_address_and_without_one_the_nearest(host: str, url: PublicUrl | None) -> None:
    assert called_by(host, [SECOND, STUDIO, SIX]) == url


@pytest.mark.parametrize("host", ["a:x", "a/b", "a?b", "a#b", "me@a", "[::1", "a:99999"])
def test_a_host_that_is_none_has_no_name(host: str) -> None:
    assert host_name(host) == ""


@pytest.mark.parametrize(("host", "name"), [("[::1]:80", "[::1]"), ("LocalHost:5", "localhost"), ("a.b", "a.b")])
def test_the_name_of_a_host_is_in_lower_case_and_without_port(host: str, name: str) -> None:
    assert host_name(host) == name
