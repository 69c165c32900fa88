"""Finding a run again on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.programs import Server
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has run a few texts."""
    texts = ["Märchen am Fluss", "slow blues", *(f"number {n}" for n in range(22))]
    with Server(tmp_path_factory.mktemp("exports")) as running:
        for text in texts:
            status, told = running.execute(input_text=text, pipeline="text_only", schema="plain")
            assert status == 200, told
        yield running


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server.url)
    yield page
    page.close()


def test_runs_are_found_while_the_word_is_written(page: Page) -> None:
    rows = page.locator("#runs tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_label("Find in texts").press_sequentially("mär")
    expect(rows).to_have_count(1)
    expect(rows.locator("strong")).to_have_text("Märchen am Fluss")
    page.get_by_label("Find in texts").fill('"blues slow')
    expect(page.get_by_text("Nothing is like that.")).to_be_visible()


def test_the_state_is_a_filter_too(page: Page) -> None:
    rows = page.locator("#runs tbody tr")
    page.get_by_label("State").select_option("success")
    page.get_by_label("Find in texts").fill("blues")
    expect(rows).to_have_count(1)
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_text("Nothing is like that.")).to_be_visible()


def test_older_runs_are_asked_for(page: Page) -> None:
    rows = page.locator("#runs tbody tr")
    page.get_by_role("button", name="Older runs").click()
    expect(rows).to_have_count(24)
    expect(rows.last.locator("strong")).to_have_text("Märchen am Fluss")
    expect(page.get_by_role("button", name="Older runs")).to_have_count(0)
