"""The page in a real browser against a real server: make something, watch it, play it, seek in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium
expect.set_options(timeout=PATIENCE_MS)
PLAYED = """async (audio) => {
    audio.muted = true;
    await audio.play();
    await new Promise((heard) => audio.addEventListener("timeupdate", () => audio.currentTime > 0.1 && heard()));
    return audio.currentTime;
}"""
SOUGHT = """async (audio) => {
    audio.pause();  // the finished file takes the place of the stream, whose length nobody knows
    while (!Number.isFinite(audio.duration)) {
        await new Promise((known) => audio.addEventListener("durationchange", known, {once: true}));
    }
    const there = new Promise((sought) => audio.addEventListener("seeked", sought, {once: true}));
    audio.currentTime = audio.duration * 0.75;
    await there;
    return audio.currentTime / audio.duration;
}"""


@pytest.fixture
def page(chromium: Browser, server: str) -> Iterator[Page]:
    """The page, freshly opened; a test fails if the page has complained in the meantime."""
    complaints: list[str] = []
    page = chromium.new_page(locale="en-GB")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if is_complaint(line) else None)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server)
    yield page
    page.close()
    assert complaints == []


def is_complaint(line: ConsoleMessage) -> bool:
    return line.type == "error" and "409 (Conflict)" not in line.text  # a cancelled run's own status


def make(page: Page, text: str, **fields: str) -> None:
    page.get_by_label("Your text").fill(text)
    for label, value in fields.items():
        field = page.locator(f"#make-{label}")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.get_by_role("button", name="Start").click()


def ask(page: Page, path: str) -> Any:
    return page.request.get(page.url + path).json()


def test_what_the_stages_made_on_the_way_is_shown_beside_the_product(page: Page) -> None:
    make(page, "calm waltz", output_config="mastered_song", seconds="4", safety_level="off")
    figures = page.locator("#now figure")
    for made in ("From the stage “Make the media”", "From the stage “Make the film”"):
        expect(figures.filter(has_text=made).get_by_role("link", name="Download")).to_have_attribute(
            "href", re.compile("/api/media/")
        )
    film = page.locator("#now video")
    film.evaluate("(film) => film.readyState || new Promise((known) => film.addEventListener('loadedmetadata', known))")
    assert film.evaluate("(film) => film.duration") == pytest.approx(4, abs=0.5)


def test_a_run_is_started_watched_played_and_sought_in(page: Page) -> None:
    make(page, "slow blues", schema="dada", output_config="acestep_instrumental", seconds="4", safety_level="off")
    now = page.locator("#now")
    expect(now.get_by_role("progressbar")).to_be_visible()
    expect(now.get_by_role("note")).to_contain_text("procedural_instrumental")  # the fallback, in words
    audio = now.locator("audio")
    audio.wait_for()
    assert audio.evaluate(PLAYED) > 0.1
    assert audio.evaluate(SOUGHT) == pytest.approx(0.75, abs=0.02)
    assert audio.evaluate("audio => audio.duration") == pytest.approx(4, abs=0.2)
    row = page.locator("#runs tbody tr").first
    expect(row).to_contain_text("done")
    with page.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".mp3")


def test_what_somebody_wrote_is_shown_and_never_run(page: Page) -> None:
    text = "<img src=x onerror=alert(1)> <b>&amp;"
    make(page, text, output_config="silence_mp3")
    expect(page.locator("#now .title")).to_have_text(text)
    expect(page.locator("#runs tbody tr").first.locator("strong")).to_have_text(text)
    page.locator("#now audio").wait_for()


@pytest.fixture
def paused(page: Page) -> Iterator[None]:
    """No take gets its turn, so that no run is over before it is cancelled."""
    page.request.post(f"{page.url}api/queue/pause", data={})
    yield
    page.request.post(f"{page.url}api/queue/resume", data={})


@pytest.mark.usefixtures("paused")
def test_a_run_is_cancelled_and_run_again(page: Page) -> None:
    make(page, "long techno", output_config="procedural_instrumental")
    now = page.locator("#now")
    now.get_by_role("button", name="Cancel").click()
    expect(now.get_by_role("status")).to_contain_text("cancelled")
    run_id = now.locator("code").inner_text()
    now.get_by_role("button", name="Run again").click()
    expect(now.locator("code")).not_to_have_text(run_id)
    now.get_by_role("button", name="Cancel").click()
    expect(now.get_by_role("status")).to_contain_text("cancelled")


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    page.locator("#make-output_config").wait_for()
    page.get_by_role("link", name="API").focus()
    reached = []
    for _ in range(11):
        page.keyboard.press("Tab")
        name = "(({name, type, parentElement}) => name || type || parentElement.id)(document.activeElement)"
        reached.append(page.evaluate(name))
    wanted = ["input_text", "schema", "output_config", "preset", "seed", "safety_level", "seconds"]
    wanted += ["make-also", "make-more", "checkbox", "submit"]
    assert reached == wanted


def test_every_route_is_on_the_page_of_the_api(page: Page) -> None:
    paths = ask(page, "openapi.json")["paths"]
    page.goto(page.url + "docs")
    page.locator(".route").first.wait_for()
    shown = page.locator(".route > summary code").all_inner_texts()
    assert sorted(set(shown)) == sorted(paths)
