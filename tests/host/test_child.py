"""A host as a child process: who ends when."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from devserver.host.child import Child, ChildFailed
from tests.contract.live import Live
from tests.host.processes import PROBES, children, gone, probe


async def test_kill_of_the_host_ends_its_worker(tmp_path: Path) -> None:
    host = Child(PROBES, tmp_path)
    url = await host.start()
    assert host.pid is not None
    (worker,) = children(host.pid)
    async with aiohttp.ClientSession() as session, Live(url, session).ear() as ear:
        await Live(url, session).submit(probe("ProbeDeaf"), ear.client_id)
        await ear.until(lambda event: event["type"] == "progress", "a node that runs")
    os.kill(host.pid, signal.SIGKILL)
    await gone(host.pid)
    await gone(worker)
    assert await host.wait() == -signal.SIGKILL
    await host.stop()


async def test_stop_ends_host_and_worker(tmp_path: Path) -> None:
    host = Child(PROBES, tmp_path)
    await host.start()
    assert host.pid is not None
    (worker,) = children(host.pid)
    await host.stop()
    assert await host.wait() == 0
    await gone(worker)


async def test_a_host_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="allowed are embedded, stock"):
        await Child("nope", tmp_path).start()


async def test_a_host_that_was_not_started_is_nobody_to_wait_for(tmp_path: Path) -> None:
    host = Child(PROBES, tmp_path)
    await host.stop()
    assert host.pid is None
    with pytest.raises(ChildFailed, match="was not started"):
        await host.wait()
