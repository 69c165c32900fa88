"""The JSON routes and the pages, each asked once."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import pytest
from aiohttp import ClientSession
from yarl import URL

from my_app.front import Listening
from my_app.table import ROUTES
from my_app.views.route import Route
from tests.my_app.still import PUBLIC, Still

CAREFUL: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


async def test_a_run_is_listed_shown_cancelled_and_run_again(client: ClientSession, still: Still) -> None:
    run_id = await still.accept(input_text="slow blues", output_config="silence_mp3")
    asked = {"limit": "5", "q": "slow", "status": "queued", "output": "silence_mp3"}
    for other, found in (({}, [run_id]), ({"q": "fast"}, []), ({"output": "other"}, []), ({"status": "running"}, [])):
        async with client.get("/api/runs", params={**asked, **other}) as reply:
            assert [run["run_id"] for run in (await reply.json())["runs"]] == found, other
    async with client.get(f"/api/runs/{run_id}") as reply:
        assert (await reply.json())["status"] == "queued"
    async with client.post(f"/api/runs/{run_id}/cancel") as reply:
        told = await reply.json()
        assert (reply.status, told["run_id"], told["status"]) == (200, run_id, "cancelling")
    await still.end(run_id, "cancelled")
    async with client.post(f"/api/runs/{run_id}/cancel") as reply:
        assert reply.status == 409
    async with client.post(f"/api/runs/{run_id}/rerun") as reply:
        again = await reply.json()
        assert (reply.status, reply.headers["Location"]) == (202, f"/api/runs/{again['run_id']}")
        assert again["run_id"] != run_id


async def test_ready_says_when_nothing_could_be_made(client: ClientSession) -> None:
    async with client.get("/ready") as reply:
        told = await reply.json()
        assert (reply.status, told["ready"]) == (503, False)
        assert "no backend answers" in told["problems"]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_and_all_that_it_names_are_served(client: ClientSession, path: str) -> None:
    async with client.get(path) as reply:
        text = await reply.text()
        assert (reply.status, reply.content_type) == (200, "text/html")
    named = re.findall(r'(?:src|href)="(public/[^"]+)"', text)
    assert named
    for file in named:
        async with client.get(f"/{file}") as reply:
            assert (reply.status, await reply.read()) == (200, (PUBLIC / file.removeprefix("public/")).read_bytes())


@pytest.mark.parametrize(
    "path",
    [
        "/public/../pyproject.toml",
        "/public/%2e%2e/pyproject.toml",
        "/public/..%2fschemas%2ftables%2fcomfyui.json",
        "/public/%2e%2e%2fschemas%2ftables%2fcomfyui.json",
        "/public/%00",
        "/public/" + "x" * 5000,
        "/public//etc/passwd",
        "/public/none.js",
        "/public/.",
    ],
)
async def test_nothing_beside_the_public_folder_is_served(client: ClientSession, path: str) -> None:
    async with client.get(URL(path, encoded=True)) as reply:
        assert reply.status == 404


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_every_answer_tells_the_browser_to_be_careful(client: ClientSession, route: Route) -> None:
    path = re.sub(r"\{\w+(:[^}]*)?\}", "x", route.path)
    for method in (route.method, "PATCH"):  # the route's own answer, whatever it is, and one of the router
        async with client.request(method, path) as reply:
            assert {name: reply.headers.get(name) for name in CAREFUL} == CAREFUL
            assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nno header\r\n\r\n", b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n"]
)
async def test_an_answer_to_an_unreadable_request_is_as_careful(front: Listening, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(head)
    answer = (await reader.read()).decode()
    writer.close()
    assert [name for name, value in CAREFUL.items() if f"{name}: {value}" not in answer] == []


def test_the_pages_reach_for_nothing_outside() -> None:
    for file in PUBLIC.rglob("*.*"):
        text = file.read_text("utf8")
        assert not re.search(r"https?://(?!www\.w3\.org)", text), file
        assert "innerHTML" not in text, file
        assert file.name == "api.js" or not re.search(r"\bfetch\(|EventSource\(|XMLHttp", text), file
