"""Transcript 05: what others see while a prompt runs, and how it is interrupted, deleted and forgotten."""

from __future__ import annotations

from typing import Any

from tests.contract.live import Ear, Event, Live, long_piece, silence
from tests.contract.scenario import Record, Scenario, Subject
from tests.contract.shape import entry_shape, event_shapes, kinds_in_order, shape, transcript

LONG_SECONDS = 240.0
SHORT_SECONDS = 4.0


def _ids(queue: dict[str, Any]) -> list[list[str]]:
    return [[row[1] for row in queue[key]] for key in ("queue_running", "queue_pending")]


def _busy_written() -> Record:
    written = transcript("05")
    steps = written["interrupt"]["steps"]
    answers = [step for step in steps if "status" in step]
    (state,) = [step for step in steps if "after_interrupt_of_pending_id" in step]
    first, second = state["pid"], state["pid2"]
    (interrupted,) = answers[-1]["body"].values()
    end = next(i for i, event in enumerate(written["interrupt"]["ws"]) if _is_end(event, first))
    return {
        "ids": [first, second],
        "queue": written["queue_while_running"],
        "remaining": written["GET /prompt"],
        "history_of_running": written["history_of_running"],
        "after_interrupt_of_pending": state["after_interrupt_of_pending_id"],
        "answers": answers[:3],
        "ws": written["interrupt"]["ws"][1 : end + 1],
        "interrupted": interrupted,
    }


def _is_end(event: Event, prompt_id: str) -> bool:
    return event.get("type") == "executing" and event["data"] == {"node": None, "prompt_id": prompt_id}


async def _busy_played(live: Live) -> Record:
    async with live.ear() as ear:
        before = len(ear.events)
        first = await _start(live, ear, LONG_SECONDS)
        second = (await live.submit(long_piece(2, LONG_SECONDS), ear.client_id))["body"]["prompt_id"]
        record: Record = {"ids": [first, second]}
        record["queue"] = await live.ask("GET", "/queue")
        record["remaining"] = await live.ask("GET", "/prompt")
        record["history_of_running"] = await live.history(first)
        pending_not_hit = await live.ask("POST", "/interrupt", json={"prompt_id": second})
        await ear.until(lambda event: event["type"] == "progress", "progress after the interrupt", len(ear.events))
        record["after_interrupt_of_pending"] = _ids((await live.ask("GET", "/queue"))["body"])
        deleted = await live.ask("POST", "/queue", json={"delete": [second]})
        interrupted = await live.ask("POST", "/interrupt", json={"prompt_id": first})
        record["answers"] = [pending_not_hit, interrupted, deleted]
        await ear.end_of(first)
        record["ws"] = [event for event in ear.events[before:] if event["data"].get("prompt_id", first) == first]
        record["interrupted"] = (await live.history(first))["body"][first]
    return record


async def _start(live: Live, ear: Ear, seconds: float, client: bool = True) -> str:
    """Submit a long piece that was not made before and wait until it renders."""
    seed = live.fresh()
    submit = await live.submit(long_piece(seed, seconds), ear.client_id if client else None)
    prompt_id = str(submit["body"]["prompt_id"])
    await ear.until(
        lambda event: event["type"] == "progress" and event["data"]["prompt_id"] == prompt_id,
        "progress of the long piece",
    )
    return prompt_id


BUSY = Scenario("busy", _busy_written, _busy_played)


async def check_queue(subject: Subject) -> None:
    """05: running and pending prompts as rows; how many are left; nothing in the history yet."""
    played, written = await subject.record(BUSY), BUSY.transcript()
    assert _ids(played["queue"]["body"]) == [[played["ids"][0]], [played["ids"][1]]]
    for key in ("queue_running", "queue_pending"):
        rows, recorded = (each["queue"]["body"][key] for each in (played, written))
        assert [_row_shape(row) for row in rows] == [_row_shape(row) for row in recorded]
    assert played["remaining"]["body"] == written["remaining"]["body"]
    assert played["history_of_running"]["body"] == {}


def _row_shape(row: list[Any]) -> list[Any]:
    number, prompt_id, graph, extra, outputs = row
    nodes = [shape(node | {"inputs": {}}) for node in graph.values()]
    return [shape(number), shape(prompt_id), nodes, shape(extra), shape(outputs)]


async def check_interrupt_of_another(subject: Subject) -> None:
    """05: an interrupt names the prompt that it means; one that waits is not hit, nor is the running one."""
    played, written = await subject.record(BUSY), BUSY.transcript()
    first, second = played["ids"]
    assert played["after_interrupt_of_pending"] == [[first], [second]]
    for answer, recorded in zip(played["answers"], written["answers"], strict=True):
        assert (answer["status"], answer["content_type"]) == (recorded["status"], recorded["content_type"])


async def check_interrupted_run(subject: Subject) -> None:
    """05: the interrupted prompt ends with its own event, and is an error in the history."""
    played, written = await subject.record(BUSY), BUSY.transcript()
    got, expected = played["interrupted"], written["interrupted"]
    assert entry_shape(got) == entry_shape(expected)
    assert got["status"]["messages"][-1][0] == "execution_interrupted"
    assert got["outputs"] == {}
    own = [event for event in played["ws"] if event.get("type") != "status"]
    assert event_shapes(own[-2:]) == event_shapes([e for e in written["ws"] if e.get("type") != "status"][-2:])


async def check_progress(subject: Subject) -> None:
    """05: a node that counts its steps: progress_state, then progress, with the node's own numbers."""
    played, written = await subject.record(BUSY), BUSY.transcript()
    assert kinds_in_order(played["ws"]) == kinds_in_order(written["ws"])
    got, expected = (_of_type(each["ws"], "progress") for each in (played, written))
    assert event_shapes(got) == event_shapes(expected[:1]) * len(got)
    assert all(event["data"]["node"] == "2" and 0 < event["data"]["value"] <= event["data"]["max"] for event in got)
    states = [shape(event["data"]) for event in _of_type(played["ws"], "progress_state")]
    assert all(state == shape(_of_type(written["ws"], "progress_state")[0]["data"]) for state in states)
    for before, event in zip(played["ws"], played["ws"][1:], strict=False):
        if event.get("type") == "progress":
            assert before["type"] == "progress_state"


def _of_type(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event.get("type") == kind]


def _crowd_written() -> Record:
    written = transcript("05")
    return {
        "bystander": written["bystander_during_other_clients_run"],
        "everybody": written["everybody_during_run_without_client_id"],
    }


async def _crowd_played(live: Live) -> Record:
    async with live.ear() as own, live.ear() as other:
        await live.run_heard(own, silence(live.seconds()))
        await other.idle_again()
        bystander = list(other.events)
        before = len(other.events)
        await live.submit(long_piece(live.fresh(), SHORT_SECONDS))
        await other.idle_again(before)
        return {"bystander": bystander, "everybody": other.events[before:]}


CROWD = Scenario("crowd", _crowd_written, _crowd_played)


async def check_bystander(subject: Subject) -> None:
    """05: who did not submit a prompt hears of the queue's length only."""
    played, written = await subject.record(CROWD), CROWD.transcript()
    assert event_shapes(played["bystander"]) == event_shapes(written["bystander"])


async def check_prompt_of_nobody(subject: Subject) -> None:
    """05: of a prompt without a client everybody hears the progress and nobody the rest."""
    played, written = await subject.record(CROWD), CROWD.transcript()
    assert kinds_in_order(played["everybody"]) == kinds_in_order(written["everybody"])


def _removal_written() -> Record:
    written = transcript("05")
    steps = written["queue_delete_clear"]["steps"]
    ids = steps[0]["ids"]
    return {
        "ids": ids,
        "answers": [step["status"] for step in steps if isinstance(step, dict) and "status" in step],
        "pending_after_delete": steps[2],
        "history_of_deleted": steps[3]["history_of_deleted"],
        "pending_after_clear": steps[6],
        "heard_of": sorted({pid for _, pid in written["queue_delete_clear"]["ws_types"] if pid}),
        "unknown": written["history_unknown"]["body"],
        "forgotten": {},
        "last_two": written["history_max_items_2"],
        "newest": steps[7]["history_ids"],
    }


async def _removal_played(live: Live) -> Record:
    await live.run(silence(live.seconds()))
    async with live.ear() as ear:
        first = await _start(live, ear, LONG_SECONDS)
        rest = [await live.submit(silence(live.seconds()), ear.client_id) for _ in range(3)]
        ids = [first, *(answer["body"]["prompt_id"] for answer in rest)]
        deleted = await live.ask("POST", "/queue", json={"delete": [ids[2]]})
        pending = _ids((await live.ask("GET", "/queue"))["body"])[1]
        history = (await live.history(ids[2]))["body"]
        unknown = await live.ask("POST", "/queue", json={"delete": ["nope"]})
        cleared = await live.ask("POST", "/queue", json={"clear": True})
        pending_then = _ids((await live.ask("GET", "/queue"))["body"])[1]
        await live.ask("POST", "/interrupt", json={"prompt_id": first})
        await ear.end_of(first)
        heard = {event["data"]["prompt_id"] for event in ear.events if "prompt_id" in event["data"]}
    last = await live.run(silence(live.seconds()))
    newest = [first, last["submit"]["body"]["prompt_id"]]
    last_two = await live.ask("GET", "/history?max_items=2")
    nobody = await live.history("unknown")
    await live.ask("POST", "/history", json={"delete": [first]})
    return {
        "ids": ids,
        "answers": [answer["status"] for answer in (deleted, unknown, cleared)],
        "pending_after_delete": pending,
        "history_of_deleted": history,
        "pending_after_clear": pending_then,
        "heard_of": sorted(heard),
        "unknown": nobody["body"],
        "forgotten": (await live.history(first))["body"],
        "last_two": list(last_two["body"]),
        "newest": newest,
    }


REMOVAL = Scenario("removal", _removal_written, _removal_played)


async def check_deleted_prompt(subject: Subject) -> None:
    """05: a deleted prompt leaves no event and no history; an unknown id is no error."""
    played, written = await subject.record(REMOVAL), REMOVAL.transcript()
    assert played["answers"] == written["answers"]
    for record in (played, written):
        ids = record["ids"]
        assert record["pending_after_delete"] == [ids[1], ids[3]]
        assert record["history_of_deleted"] == {}
        assert record["pending_after_clear"] == []
        assert ids[2] not in record["heard_of"]


async def check_history_queries(subject: Subject) -> None:
    """05: the newest entries, an unknown id, and an entry that was deleted."""
    played = await subject.record(REMOVAL)
    assert played["last_two"] == played["newest"]
    assert played["unknown"] == {}
    assert played["forgotten"] == {}


CHECKS = (
    check_queue,
    check_interrupt_of_another,
    check_interrupted_run,
    check_progress,
    check_bystander,
    check_prompt_of_nobody,
    check_deleted_prompt,
    check_history_queries,
)
