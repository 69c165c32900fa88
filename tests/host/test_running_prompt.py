"""The prompt that a host died at is found by the next one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from devserver.host.child import Child
from devserver.host.running_prompt import NAME, ROOM_BYTES, RunningPrompt, take_running_prompt
from tests.contract.live import Live
from tests.host.processes import PROBES, probe


async def test_what_a_host_was_running_when_its_server_died_stays_written_down(tmp_path: Path) -> None:
    """Also where the host goes on for a moment, and would begin the next prompt."""
    host = Child(PROBES, tmp_path)
    url = await host.start()
    mark = tmp_path / "running_prompt"
    async with aiohttp.ClientSession() as session:
        live = Live(url, session)
        async with live.ear() as ear:
            first = (await live.submit(probe("ProbeBusy"), ear.client_id))["body"]["prompt_id"]
            await live.submit(probe("ProbeCounts"), ear.client_id)
            await ear.until(lambda event: event["type"] == "progress", "progress")
            assert mark.read_text().strip() == first
            await host.stop()  # by closing its stdin, as a server's death does
    assert mark.read_text().strip() == first


def test_what_is_begun_after_the_server_is_gone_is_not_written_down(tmp_path: Path) -> None:
    running = RunningPrompt(tmp_path)
    asyncio.run(_begin(running, "first"))
    running.freeze()
    running.end()
    asyncio.run(_begin(running, "second"))
    assert take_running_prompt(tmp_path) == "first"
    assert take_running_prompt(tmp_path) == "", "it is taken once"


async def _begin(running: RunningPrompt, prompt_id: str) -> None:
    running.begin(prompt_id)


async def test_a_shorter_id_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    running = RunningPrompt(tmp_path)
    running.begin("a-long-one")
    running.begin("b")
    assert take_running_prompt(tmp_path) == "b"


async def test_a_prompt_that_ended_is_not_found(tmp_path: Path) -> None:
    running = RunningPrompt(tmp_path)
    running.begin("a")
    running.end()
    assert take_running_prompt(tmp_path) == ""
    assert take_running_prompt(tmp_path / "gone") == ""


async def test_an_id_of_any_length_stays_within_its_room(tmp_path: Path) -> None:
    running = RunningPrompt(tmp_path)
    running.begin("x" * (ROOM_BYTES + 1))
    assert (tmp_path / NAME).stat().st_size == ROOM_BYTES
