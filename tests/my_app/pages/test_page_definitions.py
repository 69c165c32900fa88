"""The page tells of definitions that were edited, and offers an output's presets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cli.build import SHIPPED
from tests.doubles.programs import Server
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium
SILENCE = (SHIPPED / "configs" / "output" / "silence_mp3.yaml").read_text("utf8")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def edited(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("exports"), definitions=[str(own)]) as server:
        yield server


@pytest.fixture
def page(chromium: Browser, edited: Server) -> Iterator[Page]:
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(edited.url)
    yield page
    page.close()


def test_a_bad_edit_is_a_line_on_the_page_until_it_is_mended(page: Page, own: Path) -> None:
    line = page.locator("#definitions")
    expect(page.locator("#make-output_config")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator("#server")).to_contain_text("ready", timeout=PATIENCE_MS)
    expect(line).to_be_hidden()
    path = own / "configs" / "output" / "hush.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SILENCE.replace("seconds: 1", "seconds: -1"), "utf8")
    expect(line).to_contain_text("the last good version is in force", timeout=PATIENCE_MS)
    expect(line).to_contain_text("hush.yaml:10: values.seconds: must be a number", timeout=PATIENCE_MS)
    path.write_text(SILENCE, "utf8")
    expect(line).to_have_text("The definitions have changed. Reload the page to see them.", timeout=PATIENCE_MS)
    page.reload()
    expect(page.locator("#make-output_config option[value=hush]")).to_be_attached(timeout=PATIENCE_MS)
    expect(line).to_be_hidden()


def test_an_outputs_presets_are_offered_and_sent(page: Page) -> None:
    preset = page.locator("#make-preset")
    page.locator("#make-output_config").select_option("silence_mp3")
    expect(preset).to_be_disabled()
    page.locator("#make-output_config").select_option("procedural_instrumental")
    preset.select_option("draft")
    page.locator("#make-input_text").fill("a short tune")
    with page.expect_request("**/execute") as sent:
        page.locator("#make button.main").click()
    assert (sent.value.post_data_json or {})["preset"] == "draft"
