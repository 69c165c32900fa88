"""The host's routes: sockets, names of this machine, bodies, and an end that is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from devserver.host.child import Child
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from tests.contract.live import Live
from tests.host.processes import PROBES, probe
from tests.patience import PATIENCE_S


async def test_a_newer_socket_goes_on_hearing_when_its_twin_closes(child: tuple[Child, Live]) -> None:
    _, live = child
    async with live.ear("me") as older, live.ear("me") as newer:
        await older.close()
        await live.run_heard(newer, probe("ProbeCounts"))


async def test_another_name_for_this_machine_is_turned_away(child: tuple[Child, Live]) -> None:
    _, live = child
    assert (await live.ask("GET", "/queue", headers={"Host": "evil.example"}))["status"] == 403
    assert (await live.ask("GET", "/queue", headers={"Host": "localhost"}))["status"] == 200


async def test_a_host_that_cannot_run_prompts_any_more_says_so(tmp_path: Path) -> None:
    class Broken(Host):
        async def run(self, prompt: Prompt) -> None:
            raise ZeroDivisionError(prompt.prompt_id)

    host = Broken(PROBES, tmp_path)
    runner = web.AppRunner(host.app(), access_log=None)
    await runner.setup()
    host.prompts.add(Prompt(0, "p", probe("ProbeCounts"), {}, ["1"]))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(host.wait_until_broken(), PATIENCE_S)
    await runner.cleanup()


async def test_what_browsers_cannot_read_is_not_taken_in(child: tuple[Child, Live]) -> None:
    _, live = child
    body = b'{"prompt": {"1": {"class_type": "ProbeCounts", "inputs": {"seed": 0, "x": NaN}}}}'
    answer = await live.ask("POST", "/prompt", data=body)
    assert answer["status"] == 500
