"""What the form offers for an output: its parameters, its files, and other outputs beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.programs import Server
from tests.doubles.reencode import tone, written
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings: dict[str, Any] = {"upload_limit_mib": 1, "definitions": [str(written(tmp_path_factory.mktemp("own")))]}
    with Server(tmp_path_factory.mktemp("exports"), **settings) as server:
        yield server


@pytest.fixture
def page(chromium: Browser, own: Server) -> Iterator[Page]:
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(own.url)
    page.get_by_label("Your text").fill("a short tune")
    yield page
    page.close()


def asked(page: Page) -> Any:
    """What the page sends when the form is started."""
    with page.expect_request("**/execute") as sent:
        page.get_by_role("button", name="Start").click()
    return sent.value.post_data_json


def test_every_transformation_says_what_it_does(page: Page) -> None:
    page.locator("#make-schema").select_option("haiku")
    expect(page.locator("#make-schema-hint")).to_contain_text("five, seven and five")
    assert asked(page)["schema"] == "haiku"


def test_parameters_are_drawn_from_their_description_and_only_what_is_set_is_sent(page: Page) -> None:
    page.get_by_text("More settings").click()
    bpm = page.get_by_label("Beats per minute")
    assert (bpm.get_attribute("type"), bpm.get_attribute("placeholder")) == ("number", "0")
    expect(page.locator("#make-bpm-hint")).to_contain_text("bpm")
    bpm.fill("96")
    page.get_by_label("Genre").select_option("ambient")
    page.get_by_label("Length (seconds)").fill("2.5")
    assert asked(page)["params"] == {"bpm": 96, "genre": "ambient", "seconds": 2.5}


def test_several_outputs_at_once_have_their_own_values(page: Page) -> None:
    page.get_by_label("Length (seconds)").fill("2")
    page.get_by_text("Make something else of it too").click()
    page.locator("#make-also").get_by_label("Silence").check()
    lengths = page.get_by_label("Length (seconds)")
    assert lengths.first.input_value() == "2"
    lengths.last.fill("1")
    request = asked(page)
    assert request["output_config"] == ["procedural_instrumental", "silence_mp3"]
    assert request["params"] == {"generation.seconds": 2, "generation_2.seconds": 1}
    page.locator("#now audio").nth(1).wait_for()
    assert page.locator("#now audio").count() == 2


def test_a_file_is_sent_when_it_is_chosen_and_worked_on_when_it_is_started(page: Page, tmp_path: Path) -> None:
    page.locator("#make-output_config").select_option("reencode")
    page.get_by_role("button", name="Start").click()
    assert page.locator("#make-audio").evaluate("input => input.validity.valueMissing")
    song = tmp_path / "song.wav"
    song.write_bytes(tone(440))
    assert page.locator("#make-audio").get_attribute("accept") == "audio/*,video/*"
    page.locator("#make-audio").set_input_files(song)
    expect(page.locator(".field.audio").get_by_role("status")).to_have_text("Here: audio/wav, 0.1 MiB")
    assert asked(page)["params"]["audio"].endswith(".wav")
    page.locator("#now audio").wait_for()


def test_a_file_that_is_refused_is_told_and_stops_the_form(page: Page, tmp_path: Path) -> None:
    page.locator("#make-output_config").select_option("reencode")
    told = page.locator(".field.audio").get_by_role("status")
    for name, content, words in (("a.wav", bytes(2 << 20), "larger than 1 MiB"), ("b.wav", b"text", "not a sound")):
        (tmp_path / name).write_bytes(content)
        page.locator("#make-audio").set_input_files(tmp_path / name)
        expect(told).to_contain_text(words)
        assert not page.locator("#make").evaluate("form => form.checkValidity()")
    (tmp_path / "c.wav").write_bytes(tone(440))
    page.locator("#make-audio").set_input_files(tmp_path / "c.wav")
    expect(told).to_contain_text("Here")
    assert page.locator("#make").evaluate("form => form.checkValidity()")


def test_what_the_server_refuses_is_shown_at_its_control(page: Page) -> None:
    page.get_by_text("More settings").click()
    page.locator("#make").evaluate("form => { form.noValidate = true }")
    page.get_by_label("Beats per minute").fill("9999")
    page.get_by_text("More settings").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#make .problem[role=alert]")).to_contain_text("bpm")
    expect(page.get_by_label("Beats per minute")).to_be_focused()
