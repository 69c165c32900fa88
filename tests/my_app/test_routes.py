"""A run over its routes, and the headers of every answer."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import pytest
from aiohttp import ClientSession

from my_app.front import Listening
from my_app.table import ROUTES
from my_app.views.route import Route
from tests.my_app.still import Still

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
