"""A host and its worker as processes: who ends when, and what a prompt learns of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from devserver.host.child import Child, ChildFailed
from devserver.host.host import Host
from devserver.host.prompts import Prompt
from devserver.host.running_prompt import RunningPrompt, take_running_prompt
from tests.contract.live import Live
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PROBES = "tests.doubles.probe_nodes:table"


def probe(kind: str, seed: int = 0) -> dict[str, Any]:
    return {"1": {"class_type": kind, "inputs": {"seed": seed}}}


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def gone(pid: int) -> None:
    """Wait until the process has ended; its file descriptor becomes readable then."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(handle, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), PATIENCE_S)
    finally:
        loop.remove_reader(handle)
        os.close(handle)


@pytest.fixture
async def child(tmp_path: Path) -> AsyncIterator[tuple[Child, Live]]:
    host = Child(PROBES, tmp_path)
    url = await host.start()
    async with aiohttp.ClientSession() as session:
        yield host, Live(url, session)
    await host.stop()


async def end_of(live: Live, graph: dict[str, Any], *, interrupt_at: str = "") -> tuple[str, dict[str, Any]]:
    """The last message of a run, which is interrupted at the first event of that type."""
    async with live.ear() as ear:
        prompt_id = (await live.submit(graph, ear.client_id))["body"]["prompt_id"]
        if interrupt_at:
            await ear.until(lambda event: event["type"] == interrupt_at, interrupt_at)
            await live.ask("POST", "/interrupt", json={"prompt_id": prompt_id})
        await ear.end_of(prompt_id)
    (entry,) = (await live.history(prompt_id))["body"].values()
    event, data = entry["status"]["messages"][-1]
    return event, data


async def test_a_node_that_does_not_listen_is_stopped_by_force(child: tuple[Child, Live]) -> None:
    host, live = child
    assert host.pid is not None
    (before,) = children(host.pid)
    event, data = await end_of(live, probe("ProbeDeaf"), interrupt_at="progress")
    assert (event, data["node_id"], data["node_type"]) == ("execution_interrupted", "1", "ProbeDeaf")
    (after,) = children(host.pid)
    assert after != before
    assert (await end_of(live, probe("ProbeCounts")))[0] == "execution_success"


async def test_a_node_that_listens_is_stopped_gently(child: tuple[Child, Live]) -> None:
    host, live = child
    assert host.pid is not None
    before = children(host.pid)
    event, _ = await end_of(live, probe("ProbeBusy"), interrupt_at="progress")
    assert event == "execution_interrupted"
    assert children(host.pid) == before


async def test_a_worker_that_dies_fails_its_prompt_and_is_replaced(child: tuple[Child, Live]) -> None:
    _, live = child
    event, data = await end_of(live, probe("ProbeDies"))
    assert event == "execution_error"
    assert "ended with code 7" in data["exception_message"]
    assert (await end_of(live, probe("ProbeCounts")))[0] == "execution_success"


async def test_pieces_reach_their_client_alone_while_the_node_works(child: tuple[Child, Live]) -> None:
    _, live = child
    async with live.ear() as other:
        heard = await live.run(probe("ProbePieces"))
        said = [event for event in heard["ws"] if event["type"] in {"tonewright.partial", "executed"}]
        assert [event["type"] for event in said] == ["tonewright.partial"] * 2 + ["executed"]
        prompt_id = heard["submit"]["body"]["prompt_id"]
        for index, event in enumerate(said[:2]):
            file = {"filename": f"0_{index + 1:05}_.wav", "subfolder": "pieces", "type": "temp"}
            assert event["data"] == {"prompt_id": prompt_id, "node": "1", "index": index, "file": file}
            assert (await live.ask("GET", "/view", params=file))["body"] == chr(index) * 3
        assert not any(event["type"] == "tonewright.partial" for event in other.events)


async def test_free_gives_a_fresh_worker(child: tuple[Child, Live]) -> None:
    host, live = child
    assert host.pid is not None
    before = children(host.pid)
    await live.ask("POST", "/free", json={"free_memory": True})
    assert children(host.pid) != before


async def test_a_newer_socket_goes_on_hearing_when_its_twin_closes(child: tuple[Child, Live]) -> None:
    _, live = child
    async with live.ear("me") as older, live.ear("me") as newer:
        await older.close()
        await live.run_heard(newer, probe("ProbeCounts"))


async def test_another_name_for_this_machine_is_turned_away(child: tuple[Child, Live]) -> None:
    _, live = child
    assert (await live.ask("GET", "/queue", headers={"Host": "evil.example"}))["status"] == 403
    assert (await live.ask("GET", "/queue", headers={"Host": "localhost"}))["status"] == 200


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


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    return [sys.executable, "-m", "devserver.host", "--table", "stock", "--base", str(tmp_path)]


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process that ends by itself; one that does not is killed, so that the test ends."""
    try:
        return process.wait(20)
    finally:
        process.kill()


def test_host_ends_when_its_starter_does(command: list[str]) -> None:
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert json.loads(process.stdout.readline())["pid"] == process.pid
        process.stdin.close()
        assert ended(process) == 0


def test_standalone_host_outlives_its_starter_and_ends_on_sigterm(command: list[str]) -> None:
    started = [*command, "--standalone"]
    with subprocess.Popen(started, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert process.poll() is None
        process.terminate()
        assert ended(process) == 0


async def test_a_host_that_cannot_run_prompts_any_more_says_so(tmp_path: Path) -> None:
    class Broken(Host):
        async def run(self, prompt: Prompt) -> None:
            raise ZeroDivisionError(prompt.prompt_id)

    host = Broken(PROBES, tmp_path)
    runner = web.AppRunner(host.app(), access_log=None)
    await runner.setup()
    host.prompts.put(Prompt(0, "p", probe("ProbeCounts"), {}, ["1"]))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(host.broken(), PATIENCE_S)
    await runner.cleanup()


async def test_what_browsers_cannot_read_is_not_taken_in(child: tuple[Child, Live]) -> None:
    _, live = child
    body = b'{"prompt": {"1": {"class_type": "ProbeCounts", "inputs": {"seed": 0, "x": NaN}}}}'
    answer = await live.ask("POST", "/prompt", data=body)
    assert answer["status"] == 500


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
