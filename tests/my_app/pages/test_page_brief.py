"""The panel that shows what was understood while a text is typed, by mouse, by keyboard, and for a screen reader."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.doubles.llm import LlmServer, answer
from tests.doubles.programs import Server
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium
expect.set_options(timeout=PATIENCE_MS)
TEXT = "a calm 12 second techno track in F minor at 170 bpm, two variations, zorgly"


@pytest.fixture
def page(chromium: Browser, server: str) -> Iterator[Page]:
    complaints: list[str] = []
    page = chromium.new_page(locale="en-GB")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server)
    yield page
    page.close()
    assert complaints == []


def typed(page: Page, text: str = TEXT) -> Locator:
    """The panel, after a text was typed."""
    page.get_by_label("Your text").fill(text)
    panel = page.get_by_role("region", name="Understood")
    panel.wait_for()
    return panel


def row(panel: Locator, field: str) -> Locator:
    return panel.locator(f"[data-field={field}]")


def asked(page: Page) -> Any:
    with page.expect_request("**/execute") as sent:
        page.get_by_role("button", name="Start").click()
    request: Any = sent.value.post_data_json
    return request["brief"]


def test_what_is_understood_is_shown_with_where_it_is_from(page: Page) -> None:
    panel = typed(page)
    expect(row(panel, "bpm").locator(".value")).to_contain_text("170 bpm")
    expect(row(panel, "bpm").locator(".origin")).to_have_text("said “170 bpm”")
    expect(row(panel, "time_signature").locator(".origin")).to_have_text("usual for the genre")
    expect(panel.get_by_role("status")).to_have_text("7 things understood, 1 word not, 1 contradiction")
    expect(panel.locator("mark")).to_have_text("zorgly")
    expect(panel.locator(".notes")).to_contain_text("calm and 170 bpm contradict each other")
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/brief.png", full_page=True)
    assert asked(page) is True


def test_it_follows_the_typing(page: Page) -> None:
    panel = typed(page, "techno")
    expect(row(panel, "genre").locator(".value")).to_contain_text("techno")
    expect(row(panel, "key").locator(".origin")).to_have_text("usual for the genre")
    page.get_by_label("Your text").press_sequentially(" in A minor")
    expect(row(panel, "key").locator(".origin")).to_have_text("said “A minor”")
    page.get_by_label("Your text").fill("")
    expect(panel).to_be_hidden()


def test_a_value_is_corrected_by_keyboard_and_held_whatever_is_typed_then(page: Page) -> None:
    started: list[str] = []
    page.on("request", lambda request: started.append(request.url) if request.url.endswith("/execute") else None)
    panel = typed(page)
    value = panel.get_by_role("button", name="170 bpm change")
    value.focus()
    page.keyboard.press("Enter")
    field = panel.get_by_role("spinbutton", name="Tempo")
    expect(field).to_be_focused()
    field.fill("128")
    page.keyboard.press("Enter")
    expect(row(panel, "bpm").locator(".origin")).to_have_text("yours")
    expect(panel.get_by_role("button", name="128 bpm change")).to_be_focused()
    page.get_by_label("Your text").fill("techno at 90 bpm")
    expect(panel.locator(".notes")).to_contain_text("says 90, but bpm is locked to 128.")
    expect(row(panel, "bpm").locator(".value")).to_contain_text("128 bpm")
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/brief_held.png", full_page=True)
    assert asked(page) == {"bpm": 128}
    assert len(started) == 1  # Enter in the panel starts no run


def test_holding_and_letting_go(page: Page) -> None:
    panel = typed(page)
    hold = row(panel, "key").get_by_role("button", name="Hold Key")
    hold.click()
    expect(row(panel, "key").get_by_role("button", name="Held Key")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Your text").fill("house in C major")
    expect(row(panel, "key").locator(".value")).to_contain_text("F minor")
    row(panel, "key").get_by_role("button", name="Held Key").click()
    expect(row(panel, "key").locator(".value")).to_contain_text("C major")
    assert asked(page) is True


def test_escape_changes_nothing_and_what_nobody_said_can_be_said(page: Page) -> None:
    panel = typed(page)
    panel.get_by_role("button", name="techno change").click()
    panel.get_by_role("combobox", name="Genre").select_option("house")
    expect(row(panel, "genre").locator(".origin")).to_have_text("yours")
    panel.get_by_role("button", name="F minor change").click()
    page.keyboard.press("Escape")
    expect(row(panel, "key").locator(".origin")).to_have_text("said “F minor”")
    panel.get_by_role("combobox", name="Say something else").select_option("avoid")
    field = panel.get_by_role("textbox", name="Not wanted")
    field.fill("piano, strings")
    page.keyboard.press("Enter")
    expect(row(panel, "avoid").locator(".value")).to_contain_text("piano, strings")
    assert asked(page) == {"genre": "house", "avoid": ["piano", "strings"]}


def test_a_run_tells_what_it_took_from_the_words(page: Page) -> None:
    typed(page, "2 seconds of techno in F minor, 130 bpm")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#taken")).to_have_text("From your words: Length 2 s, Tempo 130 bpm, Key F minor")


def test_a_language_model_fills_the_rest_and_that_is_held(chromium: Browser, tmp_path: Path) -> None:
    with LlmServer([answer(era="1990s", moods=["dark"], bpm=90)]) as llm:
        llms = [{"name": "here", "url": llm.url, "model": "tiny"}]
        with Server(tmp_path / "exports", llms=llms) as server:
            page = chromium.new_page(locale="en-GB")
            page.goto(server.url)
            panel = typed(page, "techno at 130 bpm")
            panel.get_by_role("button", name="Let a language model fill the rest").click()
            expect(row(panel, "era").locator(".origin")).to_have_text("the model's")
            expect(row(panel, "bpm").locator(".value")).to_contain_text("130 bpm")
            page.get_by_label("Your text").fill("house at 130 bpm")
            expect(row(panel, "genre").locator(".value")).to_contain_text("house")
            row(panel, "moods").get_by_role("button", name="Held Mood").click()
            expect(row(panel, "moods")).to_have_count(0)
            assert asked(page) == {"era": "1990s"}
            page.close()


def test_without_a_language_model_that_is_said(page: Page) -> None:
    panel = typed(page)
    panel.get_by_role("button", name="Let a language model fill the rest").click()
    expect(panel.get_by_role("alert")).to_contain_text("No language model read the text")


def test_it_can_be_switched_off(page: Page) -> None:
    panel = typed(page)
    panel.get_by_label("Use it for what the settings leave open").uncheck()
    assert asked(page) is False


def test_lyrics_are_not_read_but_the_description_beside_them_is(page: Page) -> None:
    panel = typed(page)
    page.locator("#make-output_config").select_option("acestep15_song")
    expect(panel).to_be_hidden()
    page.get_by_text("More settings").click()
    page.locator("#make-prompt").fill("hard techno, 150 bpm")
    expect(row(panel, "bpm").locator(".value")).to_contain_text("150 bpm")
    page.locator("#make-output_config").select_option("cover_image")
    expect(panel).to_be_hidden()


def test_a_german_page_speaks_german(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="de-DE", viewport={"width": 420, "height": 900})
    page.goto(server)
    page.get_by_label("Dein Text").fill("ruhiges Klavierstück in a-Moll, 90 BPM, eine Minute, ohne Schlagzeug")
    panel = page.get_by_role("region", name="Verstanden")
    expect(row(panel, "key").locator(".origin")).to_have_text("gesagt „a-Moll“")
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=f"{folder}/brief_de.png", full_page=True)
    page.close()


def test_a_value_that_no_brief_has_is_refused_in_words_and_not_held(page: Page) -> None:
    panel = typed(page)
    panel.get_by_role("combobox", name="Say something else").select_option("avoid")
    panel.get_by_role("textbox", name="Not wanted").fill("x" * 90)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("locked.avoid must have")
    expect(row(panel, "avoid")).to_have_count(0)
    assert asked(page) is True
