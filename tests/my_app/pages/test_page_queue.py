"""The queue on the page: who waits where, and what a user may do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.doubles.programs import NodeHost, Server
from tests.doubles.together import until
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.chromium


@pytest.fixture
def page(chromium: Browser, server: str) -> Iterator[Page]:
    """The page over a queue that is paused, and goes on afterwards."""
    complaints: list[str] = []
    page = chromium.new_page(locale="en-GB")
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(PATIENCE_MS)
    page.request.post(f"{server}/api/queue/pause", data={})
    page.goto(server)
    yield page
    page.request.post(f"{server}/api/queue/resume", data={})
    page.close()
    assert complaints == []


def send(page: Page, title: str) -> str:
    body: dict[str, Any] = {"input_text": title, "output_config": "silence_mp3", "safety_level": "off", "wait": False}
    told = page.request.post(page.url + "api/schema/pipeline/execute", data=body).json()
    answer = page.url.rstrip("/") + told["links"]["answer"]
    until(lambda: page.request.get(answer).json()["queue"], "the run does not ask for its turn")  # before the next does
    return str(told["run_id"])


def test_runs_are_moved_and_cancelled_and_the_queue_goes_on(page: Page) -> None:
    queue, runs = page.locator("#queue"), [send(page, title) for title in ("first", "second", "<b>third</b>")]
    rows = queue.locator("tbody tr")
    expect(rows).to_have_count(3, timeout=PATIENCE_MS)
    expect(rows.locator("strong")).to_have_text(["first", "second", "<b>third</b>"])
    expect(queue.get_by_role("status")).to_contain_text("3 waiting · paused")
    queue.get_by_role("button", name="Up: <b>third</b>").click()
    expect(rows.locator("strong")).to_have_text(["first", "<b>third</b>", "second"])
    queue.get_by_role("button", name="To the front: second").click()
    expect(rows.locator("strong")).to_have_text(["second", "first", "<b>third</b>"])
    queue.get_by_role("button", name="Show: first").click()
    expect(page.locator("#now")).to_contain_text("Place 2")
    queue.get_by_role("button", name="Cancel: first").click()
    expect(rows).to_have_count(2, timeout=PATIENCE_MS)
    expect(page.locator("#now").get_by_role("status")).to_contain_text("cancelled", timeout=PATIENCE_MS)
    queue.get_by_role("button", name="Go on").click()
    expect(queue).to_be_hidden(timeout=PATIENCE_MS)
    assert page.request.get(f"{page.url}api/runs/{runs[2]}").json()["status"] in ("running", "success")


def test_a_long_queue_is_shown_in_parts(page: Page) -> None:
    for number in range(53):
        send(page, f"run {number}")
    queue = page.locator("#queue")
    rows = queue.locator("tbody tr")
    expect(queue.get_by_role("status")).to_contain_text("53 waiting", timeout=PATIENCE_MS)
    expect(rows).to_have_count(50)
    queue.get_by_role("button", name="3 more waiting").click()
    expect(rows).to_have_count(53)
    expect(queue.get_by_role("button", name="more waiting")).to_have_count(0)


def test_of_several_backends_each_row_says_where_it_is_expected(chromium: Browser, tmp_path: Path) -> None:
    with (
        NodeHost(tmp_path / "gpu") as gpu,
        Server(tmp_path / "exports", backends=[{"name": "gpu", "url": gpu.url}]) as server,
        chromium.new_page(locale="en-GB") as page,
    ):
        page.set_default_timeout(PATIENCE_MS)
        server.call("POST", "/api/queue/pause", {"backend": "embedded"})
        page.goto(server.url + "/")
        queue = page.locator("#queue")
        expect(queue).to_contain_text("embedded: paused", timeout=PATIENCE_MS)
        assert server.ended(send(page, "learned from"))[1]["status"] == "success"
        server.call("POST", "/api/queue/pause", {})
        for title in ("first", "second"):
            send(page, title)
        rows = queue.locator("tbody tr")
        expect(rows).to_have_count(2, timeout=PATIENCE_MS)
        expect(rows.locator("small")).to_have_text(["expected on gpu"] * 2, timeout=PATIENCE_MS)
        expect(rows.locator("strong")).to_have_text(["first", "second"])
        waiting = server.call("GET", "/api/queue")[1]["waiting"]
        assert [(one["expected_backend"], sorted(one["may"])) for one in waiting] == [("gpu", ["embedded", "gpu"])] * 2
