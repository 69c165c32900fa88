"""The page below a path of a proxy, and a page under development at another port, in a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Response, expect

from devserver.users.keys import Keys
from tests.doubles.printed_nginx import BELOW, PASSWORD, USERS, PlainNginx, PrintedNginx, settings
from tests.doubles.programs import Server
from tests.my_app.pages.test_page import PLAYED, make
from tests.patience import PATIENCE_MS

pytestmark = [pytest.mark.chromium, pytest.mark.nginx]
# The lines of somebody who tries it on one machine: no setting of the server's names the path.
LOCATION = """
location /music/ {
    proxy_pass http://127.0.0.1:17802/;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-Prefix /music;
}
"""
DEVELOPED = """<!doctype html><title>Under development</title><audio id="simple"></audio><script>
const api = location.hash.slice(1);
async function use() {
  const told = {};
  const body = JSON.stringify({
    input_text: "x", schema: "plain", output_config: "silence_mp3", safety_level: "off", wait: false,
  });
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const headers = { "Content-Type": "application/json", "Idempotency-Key": "once", traceparent };
  const execute = () => fetch(api + "/api/schema/pipeline/execute", { method: "POST", headers, body });
  const first = await execute();
  const { run_id } = await first.json();
  const again = await execute();
  told.same = (await again.json()).run_id === run_id;
  told.replayed = again.headers.get("Idempotency-Replayed");
  told.location = first.headers.get("Location") === `/api/runs/${run_id}`;
  const events = new EventSource(api + `/api/runs/${run_id}/events`);
  const end = await new Promise((come) => events.addEventListener("run.ended", come));
  told.ended = JSON.parse(end.data).data.status;
  events.close();
  const url = api + (await (await fetch(api + `/api/runs/${run_id}/answer`)).json()).media_output.url;
  const part = await fetch(url, { headers: { Range: "bytes=10-19" } });
  told.part = [part.status, part.headers.get("Content-Range").split("/")[0], (await part.arrayBuffer()).byteLength];
  const kept = await fetch(url, { headers: { "If-None-Match": part.headers.get("ETag") }, cache: "no-store" });
  told.kept = kept.status;
  const refused = await fetch(api + "/api/schema/pipeline/execute", { method: "POST", body: "{}" });
  told.refused = (await refused.json()).error.code;
  const audio = document.getElementById("simple");
  await new Promise((done, failed) => {
    audio.onloadedmetadata = done;
    audio.onerror = () => failed(audio.error.message);
    audio.src = url;
  });
  told.seconds = audio.duration;
  return told;
}
const tried = () => fetch(api + "/api/queue/pause", { method: "POST" }).then(() => "read", (error) => error.name);
</script>"""


@contextmanager
def opened(chromium: Browser, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what came back to it that was no success."""
    with chromium.new_context(locale="en-GB", ignore_https_errors=True, **options) as context:
        page, failed = context.new_page(), list[str]()

        def note(response: Response) -> None:
            if response.status >= 400:
                failed.append(f"{response.status} {response.url}")

        def note_failure(request: Request) -> None:
            if "net::ERR_ABORTED" not in (request.failure or ""):  # of what the page itself gave up
                failed.append(request.url)

        page.on("response", note)
        page.on("requestfailed", note_failure)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.set_default_timeout(PATIENCE_MS)
        yield page, failed


def make_and_hear(page: Page, start: str) -> None:
    """Make the shortest of sounds; hear it, download it, and look at the page of the API."""
    make(page, "nothing", schema="plain", output_config="silence_mp3", safety_level="off")
    audio = page.locator("#now audio")
    audio.wait_for()
    expect(page.locator("#now .files")).to_contain_text("Download")
    audio.evaluate(
        "(audio) => audio.readyState || new Promise((known) => audio.addEventListener('loadedmetadata', known))"
    )
    assert audio.evaluate("(audio) => audio.duration") > 0.5
    assert audio.evaluate(PLAYED) > 0.1
    with page.expect_download() as download:
        page.locator("#now .files").get_by_role("link", name="Download").click()
    assert f"{start}/music/api/media/audio/" in download.value.url
    page.get_by_role("link", name="API").click()
    page.locator(".route").first.wait_for()
    assert page.url == f"{start}/music/docs"
    page.get_by_role("link", name="Page").click()
    expect(page.locator("#runs tbody tr").first).to_contain_text("done")
    assert page.url == f"{start}/music/"


def test_the_page_works_below_a_path_that_only_the_proxy_knows(chromium: Browser, server: str, tmp_path: Path) -> None:
    port = int(server.rpartition(":")[2])
    with PlainNginx(tmp_path / "nginx", LOCATION, port) as nginx, opened(chromium) as (page, failed):
        page.goto(f"{nginx.url}/music/")
        make_and_hear(page, nginx.url)
    assert failed == []


@pytest.mark.parametrize("number", [BELOW, USERS])
def test_the_page_works_below_a_public_path(chromium: Browser, tmp_path: Path, number: int) -> None:
    secret = Keys(tmp_path / "exports" / ".state").add("root", admin=True)
    with Server(tmp_path / "exports", **settings(number)) as server:
        port = int(server.url.rpartition(":")[2])
        signed_in = {"http_credentials": {"username": "Pupil.7", "password": PASSWORD}} if number == USERS else {}
        nginx = PrintedNginx(tmp_path / "nginx", number, port, users=("Pupil.7",))
        with nginx, opened(chromium, **signed_in) as (page, failed):
            start = f"https://studio.example.org:{nginx.port}"
            page.goto(f"{start}/music")
            if number == BELOW:
                page.get_by_label("Your key").fill(secret)
                page.get_by_role("button", name="Sign in").click()
                expect(page.locator("#user")).to_have_text("root")
                assert {cookie["path"] for cookie in page.context.cookies()} == {"/music"}
                failed.clear()  # the 401 that made the page ask
            make_and_hear(page, start)
            if number == BELOW:
                page.get_by_role("button", name="Sign out").click()
                expect(page.get_by_label("Your key")).to_be_visible()
                assert page.context.cookies() == []
                failed.clear()
        assert [line for line in failed if not line.startswith("401")] == []


class Developed(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = DEVELOPED.encode() if self.path == "/" else b""
        self.send_response(200 if content else 204)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def developed() -> Iterator[str]:
    """The origin of a page under development."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Developed) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{serving.server_port}"
        finally:
            serving.shutdown()
            thread.join()


def test_a_page_under_development_makes_hears_and_plays(chromium: Browser, tmp_path: Path) -> None:
    with developed() as origin, Server(tmp_path / "exports", public_urls=[origin]) as server:
        with opened(chromium) as (page, failed):
            page.goto(f"{origin}/#{server.url}")
            told = page.evaluate("use()")
        seconds = told.pop("seconds")
        assert told == {
            "same": True,
            "replayed": "true",
            "location": True,
            "ended": "success",
            "part": [206, "bytes 10-19", 10],
            "kept": 304,
            "refused": "bad_request",
        }
        assert seconds > 0.5
        assert [line.split()[0] for line in failed] == ["400"]
        with developed() as other, opened(chromium) as (page, _):
            page.goto(f"{other}/#{server.url}")
            assert page.evaluate("tried()") == "TypeError"
        assert server.call("GET", "/api/queue")[1]["paused"] is False
