"""The settings of the front, and what follows from the addresses among them."""

from __future__ import annotations

from my_app.addresses.public_urls import PublicUrl
from my_app.door.context import FrontSettings
from tests.my_app.still import PUBLIC

STUDIO = PublicUrl.read("https://studio.example.org:8443/music")
SIX = PublicUrl.read("http://[fd00::1]:80")


def test_a_host_is_named_without_its_port_and_a_page_with_it() -> None:
    settings = FrontSettings(PUBLIC, (STUDIO, SIX))
    assert settings.hosts == {"studio.example.org", "[fd00::1]"}
    assert settings.origins == {"https://studio.example.org:8443", "http://[fd00::1]"}


def test_without_public_addresses_there_is_no_other_host_and_no_other_page() -> None:
    settings = FrontSettings(PUBLIC)
    assert (settings.hosts, settings.origins, settings.exposed) == (frozenset(), frozenset(), False)
