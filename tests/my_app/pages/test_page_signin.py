"""The page of a server that has keys: it asks for one, shows the own runs, and signs out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from devserver.users.keys import Keys
from devserver.users.rights import Rights
from tests.doubles.programs import Server

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def secret(exports: Path) -> str:
    return Keys(exports / ".state").add("anna")


@pytest.fixture(scope="module")
def locked(exports: Path, secret: str) -> Iterator[str]:
    assert secret
    with Server(exports, embedded=False) as server:
        yield server.url


def test_the_page_asks_for_a_key_and_signs_out_again(chromium: Browser, locked: str, secret: str) -> None:
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(locked)
    page.get_by_label("Your key").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This server does not know this key.")).to_be_visible()
    page.get_by_label("Your key").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#user")).to_have_text("anna")
    expect(page.get_by_text("No runs yet.")).to_be_visible()
    assert page.evaluate("document.cookie") == "", "no script may read the session"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your key")).to_be_visible()
    context.close()


def test_the_page_offers_what_the_key_allows_alone(chromium: Browser, locked: str, exports: Path, secret: str) -> None:
    assert secret
    pupil = Keys(exports / ".state").add("pupil", rights=Rights("youth", 0, ("cover_image", "silence_mp3")))
    context = chromium.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(locked)
    page.get_by_label("Your key").fill(pupil)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[name=safety_level] option")).to_have_text(["youth", "children"])
    expect(page.locator("[name=safety_level]")).to_have_value("youth")
    assert page.locator("[name=output_config] option").evaluate_all("all => all.map(({ value }) => value)") == [
        "cover_image",
        "silence_mp3",
    ]
    context.close()
