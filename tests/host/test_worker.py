"""The worker process: frames out of several threads, and how a prompt is stopped."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from devserver.host.child import Child
from devserver.host.frames import read_request
from devserver.host.worker import Worker, preload
from tests.contract.live import Live
from tests.host.processes import children, end_of, probe


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


def test_a_table_that_needs_nothing_of_ours_may_lack_what_is_imported_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devserver.host.worker.PRELOADED", ("json", "there_is_no_such_package"))
    preload()


class Yielding(io.BytesIO):
    """A pipe that takes the first half of a message and gives other threads a moment to come in between."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.others = threading.Event(), threading.Event()

    def write(self, content: Any) -> int:
        half = len(content) // 2
        super().write(content[:half])
        if self.entered.is_set():
            self.others.set()
        self.entered.set()
        self.others.wait(0.1)
        return super().write(content[half:])


def test_what_two_threads_say_at_once_does_not_get_mixed() -> None:
    answers = Yielding()
    worker = Worker(io.BytesIO(), answers)
    with ThreadPoolExecutor(2) as threads:
        for number in range(2):
            threads.submit(worker.emit, "progress", {"number": number})
    answers.seek(0)
    assert sorted(str(read_request(answers)) for _ in range(2)) == [
        str({"event": "progress", "data": {"number": number}}) for number in range(2)
    ]
