"""The queue of a host, its running prompt, and the history."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from devserver.host import prompts
from devserver.host.prompts import Prompt, Prompts


def prompt(name: str, number: float = 0, **extra: Any) -> Prompt:
    return Prompt(number, name, {}, extra, ["1"])


class Queue(Prompts):
    """A queue that counts how often it says that it changed."""

    def __init__(self, *waiting: Prompt) -> None:
        self.changes = 0
        super().__init__(self.change)
        for each in waiting:
            self.add(each)

    def change(self) -> None:
        self.changes += 1

    def names(self) -> list[str]:
        return [each.prompt_id for each in self.pending()]


async def test_a_lower_number_goes_first_and_of_one_number_who_came_first() -> None:
    queue = Queue(prompt("late", 2), prompt("first", 1), prompt("second", 1), prompt("front", -1))
    assert queue.names() == ["front", "first", "second", "late"]
    assert (await queue.take()).prompt_id == "front"
    assert (queue.names(), len(queue)) == (["first", "second", "late"], 4)


async def test_who_takes_from_an_empty_queue_waits_for_the_next() -> None:
    queue = Queue()
    taking = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    assert not taking.done()
    queue.add(prompt("a"))
    assert (await taking).prompt_id == "a"


async def test_a_prompt_that_waits_can_be_taken_out_and_one_that_runs_cannot() -> None:
    queue = Queue(prompt("a"), prompt("b"), prompt("c"))
    await queue.take()
    before = queue.changes
    assert [queue.delete(name) for name in ("b", "a", "gone")] == [True, False, False]
    assert (queue.names(), queue.changes) == (["c"], before + 1)
    queue.clear()
    assert (queue.names(), len(queue)) == ([], 1)
    assert queue.history == {}


async def test_the_oldest_of_a_long_history_goes_and_a_repeated_one_is_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prompts, "HISTORY_LIMIT", 3)
    queue = Queue(*(prompt(name) for name in "abacd"))
    for _ in "abacd":
        queue.finish({"name": (await queue.take()).prompt_id})
    assert list(queue.history) == ["a", "c", "d"]
    assert queue.running is None


@pytest.mark.parametrize(
    ("asked", "names"),
    [({}, "abcd"), ({"max_items": 2}, "cd"), ({"max_items": 7}, "abcd"), ({"max_items": 2, "offset": 1}, "bc"),
     ({"offset": 3}, "d"), ({"max_items": 0}, "")],
)  # fmt: skip
def test_a_part_of_the_history_is_the_newest_or_begins_at_an_offset(asked: dict[str, int], names: str) -> None:
    queue = Queue()
    queue.history = {name: {} for name in "abcd"}
    assert "".join(queue.list_history(**asked)) == names


def test_an_entry_says_whether_the_prompt_succeeded() -> None:
    made = prompt("a", 3, client_id="me")
    assert (made.entry()["status"]["status_str"], made.client_id) == ("error", "me")
    made.messages.append(("execution_success", {}))
    assert made.entry()["status"] == {"status_str": "success", "completed": True, "messages": made.messages}
    assert made.entry()["prompt"] == (3, "a", {}, {"client_id": "me"}, ["1"])
    assert prompt("b").client_id is None
