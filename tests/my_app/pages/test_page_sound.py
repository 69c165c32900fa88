"""The page's player: heard while the run goes on, then with an outline to seek in and voices to silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.piece_nodes import write_definitions
from tests.doubles.programs import NodeHost, Server
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium
expect.set_options(timeout=PATIENCE_MS)
TABLE = "tests.doubles.piece_nodes:table"
ADVANCED = """async ([audio, seconds]) => {
    while (audio.currentTime < seconds) {
        await new Promise((heard) => audio.addEventListener("timeupdate", heard, {once: true}));
    }
    return audio.currentTime;
}"""
INK = """(canvas) => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let place = 0; place < data.length; place += 4) {
        if (data[place + 3] > 200) colours.add(data.slice(place, place + 3).join());
    }
    return colours.size;
}"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = write_definitions(tmp_path_factory.mktemp("own"))
    with NodeHost(tmp_path_factory.mktemp("host"), TABLE) as host:
        settings: dict[str, Any] = {"backends": [{"name": "studio", "url": host.url}], "definitions": [str(folder)]}
        with Server(tmp_path_factory.mktemp("exports"), **settings) as server:
            yield server


@pytest.fixture
def page(chromium: Browser, own: Server) -> Iterator[Page]:
    complaints: list[str] = []
    page = chromium.new_page(locale="en-GB")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(own.url)
    yield page
    page.close()
    assert complaints == []


def make(page: Page, **values: str) -> None:
    page.get_by_label("Your text").fill("a tone")
    page.locator("#make-output_config").select_option("pieces")
    page.get_by_text("More settings").click()
    for name, value in values.items():
        page.locator(f"#make-{name}").fill(value)
    page.get_by_role("button", name="Start").click()


def status(page: Page) -> str:
    run_id = page.locator("#now code").inner_text()
    return str(page.request.get(f"{page.url}api/runs/{run_id}").json()["status"])


def test_a_run_is_heard_to_advance_while_it_goes_on(page: Page, tmp_path: Path) -> None:
    make(page, gate=str(tmp_path))
    for gate in ("0", "1"):
        (tmp_path / gate).touch()
    audio = page.locator("#now audio")
    audio.wait_for()
    assert "/stream/" in str(audio.get_attribute("src"))
    assert page.evaluate(ADVANCED, [audio.element_handle(), 0.5]) >= 0.5
    assert status(page) == "running"
    for gate in ("2", "end"):
        (tmp_path / gate).touch()
    expect(page.locator("#now").get_by_role("status")).to_contain_text("done")
    assert page.evaluate(ADVANCED, [audio.element_handle(), 2.5]) >= 2.5  # to its end, without a break
    expect(audio).to_have_attribute("src", f"/api/media/audio/{page.locator('#now code').inner_text()}")


def test_a_long_piece_of_music_is_heard_to_advance_while_it_is_made(chromium: Browser, server: str) -> None:
    page = chromium.new_page(locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server)
    page.get_by_label("Your text").fill("long techno")
    page.locator("#make-seconds").fill("600")
    page.get_by_role("button", name="Start").click()
    audio = page.locator("#now audio")
    audio.wait_for()
    assert page.evaluate(ADVANCED, [audio.element_handle(), 1.5]) >= 1.5
    assert status(page) == "running"
    page.locator("#now").get_by_role("button", name="Cancel").click()
    expect(page.locator("#now").get_by_role("status")).to_contain_text("cancelled")
    page.close()


def test_the_outline_is_drawn_and_leads_to_a_place(page: Page) -> None:
    make(page)
    canvas = page.get_by_role("slider", name="Position")
    canvas.wait_for()
    page.wait_for_function(f"(node) => ({INK})(node) > 1", arg=canvas.element_handle())
    audio = page.locator("#now audio")
    audio.evaluate("(audio) => audio.pause()")
    canvas.press("Home")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] / 2, "y": 20})
    page.wait_for_function("(audio) => Math.abs(audio.currentTime - 1.5) < 0.05", arg=audio.element_handle())
    expect(canvas).to_have_attribute("aria-valuetext", "0:01 of 0:03")
    canvas.press("ArrowLeft")
    page.wait_for_function("(audio) => audio.currentTime === 0", arg=audio.element_handle())


def test_voices_are_listed_silenced_and_heard_alone(page: Page) -> None:
    make(page)
    page.get_by_text("Voices (2)").click()
    voices = page.locator(".stems li")
    expect(voices).to_have_count(2)
    audio = page.locator("#now audio")
    muted = "(audio) => audio.muted"
    assert not audio.evaluate(muted)
    alone = page.get_by_role("button", name="Solo: Drums")
    alone.press("Enter")
    expect(alone).to_have_attribute("aria-pressed", "true")
    assert audio.evaluate(muted)  # the mix keeps the time, the voice is heard
    alone.click()
    assert not audio.evaluate(muted)
    for name, ending in (("Download all voices (ZIP)", "_stems.zip"), ("Notes (MIDI)", ".mid")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename.endswith(ending)


def test_formats_are_asked_for_and_can_be_saved(page: Page) -> None:
    page.get_by_label("Your text").fill("a tone")
    page.locator("#make-output_config").select_option("pieces")
    page.get_by_text("More settings").click()
    formats = page.get_by_role("group", name="Formats")
    assert formats.get_by_role("checkbox").count() == 6
    formats.get_by_label("OPUS").check()
    with page.expect_request("**/execute") as sent:
        page.get_by_role("button", name="Start").click()
    assert (sent.value.post_data_json or {})["formats"] == ["opus"]
    with page.expect_download() as download:
        page.locator("#now").get_by_role("link", name="OPUS").click()
    assert download.value.suggested_filename.endswith(".opus")


def test_voices_keep_time_with_the_piece(page: Page, own: Server) -> None:
    """Voices have players of their own, which are not in the page: the test looks at each that is made."""
    page.add_init_script(
        "const Plain = Audio; window.made = []; window.Audio = function (url) {"
        "const one = new Plain(url); window.made.push(one); return one; };"
    )
    page.goto(own.url)
    make(page, pieces="20")
    audio = page.locator("#now audio")
    page.get_by_text("Voices (2)").click()
    page.get_by_role("button", name="Mute: Bass").click()
    handle = audio.element_handle()
    audio.evaluate("(audio) => audio.paused && audio.play()")
    page.evaluate(ADVANCED, [handle, 0.3])
    page.get_by_role("slider", name="Position").press("Home")
    page.evaluate(ADVANCED, [handle, 0.6])
    in_time = "(one) => !one.paused && Math.abs(one.currentTime - audio.currentTime) < 0.15"  # it waits while one loads
    page.wait_for_function(f"(audio) => made.length === 2 && made.every({in_time})", arg=handle)
    assert sorted(page.evaluate("() => made.map((one) => one.muted)")) == [False, True]
    audio.evaluate("(audio) => audio.pause()")
    page.wait_for_function("() => made.every((one) => one.paused)")


def test_a_run_that_is_made_in_one_go_has_its_player_at_the_end(page: Page) -> None:
    make(page, pieces="0")
    audio = page.locator("#now audio")
    audio.wait_for()
    assert "/api/media/audio/" in str(audio.get_attribute("src"))
