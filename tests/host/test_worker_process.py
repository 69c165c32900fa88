"""The host's side of its worker: how it ended, and the next one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from devserver.host.child import Child
from devserver.host.worker_process import WorkerEnded, WorkerProcess
from tests.contract.live import Live
from tests.host.processes import PROBES, children, end_of, probe


async def test_a_worker_that_dies_fails_its_prompt_and_is_replaced(child: tuple[Child, Live]) -> None:
    _, live = child
    event, data = await end_of(live, probe("ProbeDies"))
    assert event == "execution_error"
    assert "ended with code 7" in data["exception_message"]
    assert (await end_of(live, probe("ProbeCounts")))[0] == "execution_success"


async def test_free_gives_a_fresh_worker(child: tuple[Child, Live]) -> None:
    host, live = child
    assert host.pid is not None
    before = children(host.pid)
    await live.ask("POST", "/free", json={"free_memory": True})
    assert children(host.pid) != before


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (7, "the worker process ended with code 7"),
        (-signal.SIGSEGV, "the worker process was killed (SIGSEGV)"),
        (-signal.SIGKILL, "the worker process was killed (SIGKILL); the system does that when memory runs out"),
        (-99, "the worker process was killed (signal 99)"),
    ],
)
def test_how_a_worker_ended_is_said_in_words(code: int, words: str) -> None:
    assert str(WorkerEnded(code)) == words


async def test_a_worker_that_never_started_is_stopped_and_cancelled_without_harm(tmp_path: Path) -> None:
    worker = WorkerProcess(PROBES, tmp_path)
    worker.cancel("p")
    worker.kill()
    await worker.stop()
