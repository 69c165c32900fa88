from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession

from devserver.durable.bus import QUEUE_LIMIT
from devserver.durable.writing import Writing
from devserver.model.events import Measurement, OtherData, Progress, StageStarted
from devserver.model.rows import Place
from my_app.front import Listening
from tests.my_app.still import Still

MANY = 500


async def messages(reply: ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The messages of a stream as {"id", "event", "data"}, comments as {"": text}."""
    message: dict[str, Any] = {}
    async for raw in reply.content:
        line = raw.decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            message[name] = json.loads(value) if name == "data" else value
        else:
            yield message
            message = {}


async def seqs(reply: ClientResponse, count: int) -> list[int]:
    """The numbers of the next stored events."""
    found: list[int] = []
    async for message in messages(reply):
        if "data" in message and message["data"]["seq"] is not None:
            found.append(int(message["id"]))
            if len(found) == count:
                return found
    return found


async def measure(still: Still, run_id: str, number: int) -> None:
    """Store one more event of a run."""
    await still.tell(run_id, Measurement(name="level", heard=number), str(number))


async def test_a_run_is_told_from_its_first_event_to_its_last(client: ClientSession, still: Still) -> None:
    run_id, other = await still.accept(), await still.accept()
    newest = await still.app.journal.last_seq()
    async with client.get(f"/api/runs/{run_id}/events") as reply:
        stream = messages(reply)
        assert await anext(stream) == {"retry": "2000"}
        told = [await anext(stream) for _ in range(newest // 2)]
        await still.tell(other, StageStarted())
        still.app.bus.tell(run_id, Progress(value=1))
        await still.end(run_id)
        told += [message async for message in stream if "event" in message]
    assert [message["event"] for message in told] == ["run.queued", "entity", "entity", "progress", "run.ended"]
    assert [message.get("id") for message in told] == ["1", "2", "3", None, str(newest + 2)]
    assert told[3]["data"]["data"] == {"value": 1}


async def test_coming_back_misses_nothing_and_hears_nothing_twice(client: ClientSession, still: Still) -> None:
    """A writer goes on all the time while one listener leaves and comes back again and again."""
    run_id = await still.accept()
    last = await still.app.journal.last_seq() + MANY

    async def write() -> None:
        for number in range(MANY):
            await measure(still, run_id, number)

    writer = asyncio.create_task(write())
    heard: list[int] = []
    while len(heard) < last:
        headers = {"Last-Event-ID": str(heard[-1])} if heard else {}
        async with client.get(f"/api/runs/{run_id}/events", headers=headers) as reply:
            heard += await seqs(reply, min(97, last - len(heard)))
    await writer
    assert heard == list(range(1, last + 1))


async def test_a_listener_that_was_too_slow_reads_on_in_the_journal(client: ClientSession, still: Still) -> None:
    run_id, count = await still.accept(), QUEUE_LIMIT * 3
    begun = await still.app.journal.last_seq()

    def write(writing: Writing) -> None:  # in one commit: the loop cannot send any of it before the queue is full
        for number in range(count):
            writing.add_event(Place(run_id, 0), Measurement(), str(number))

    async with client.get(f"/api/runs/{run_id}/events") as reply:
        assert await seqs(reply, begun) == list(range(1, begun + 1))
        await still.app.journal.write(write)
        assert await seqs(reply, count) == list(range(begun + 1, begun + count + 1))


async def test_all_events_begin_with_the_state_of_the_server(client: ClientSession, still: Still) -> None:
    run_id = await still.accept()
    newest = await still.app.journal.last_seq()
    async with client.get("/api/events") as reply:
        stream = messages(reply)
        assert await anext(stream) == {"retry": "2000"}
        assert await anext(stream) == {"id": str(newest)}  # what was before is not told, and can be asked for
        assert [(await anext(stream))["event"] for _ in range(2)] == ["queue", "definitions"]
        await measure(still, run_id, 1)
        while (message := await anext(stream)).get("event") is None:
            pass
        assert (message["id"], message["data"]["run_id"]) == (str(newest + 1), run_id)
    async with client.get("/api/events", headers={"Last-Event-ID": "0"}) as reply:
        assert await seqs(reply, 2) == [1, 2]


async def test_a_number_from_before_the_journal_was_lost_does_not_make_the_listener_deaf(
    client: ClientSession, still: Still
) -> None:
    run_id = await still.accept()
    newest = await still.app.journal.last_seq()
    async with client.get("/api/events", headers={"Last-Event-ID": "999"}) as reply:
        await measure(still, run_id, 1)
        assert await seqs(reply, 1) == [newest + 1]


async def test_a_quiet_stream_sends_comments(client: ClientSession) -> None:
    async with client.get("/api/events") as reply:
        async for message in messages(reply):
            if "" in message:
                break
        assert message == {"": "still here"}


async def test_a_run_that_is_over_is_told_once_and_then_no_more(client: ClientSession, still: Still) -> None:
    run_id = await still.accept()
    await still.end(run_id)
    newest = await still.app.journal.last_seq()
    async with client.get(f"/api/runs/{run_id}/events") as reply:
        assert await seqs(reply, 99) == list(range(1, newest + 1))
    async with client.get(f"/api/runs/{run_id}/events", headers={"Last-Event-ID": str(newest)}) as reply:
        assert reply.status == 204


@pytest.mark.parametrize(
    ("path", "seen", "status", "field"),
    [
        ("/api/events", "x", 400, "Last-Event-ID"),
        ("/api/runs/20300101-000000-00000000/events", "-1", 400, "Last-Event-ID"),
        ("/api/runs/20300101-000000-00000000/events", "", 404, "run_id"),
        ("/api/runs/x/events", "", 404, "run_id"),
    ],
)
async def test_what_cannot_be_listened_to_is_named(
    client: ClientSession, path: str, seen: str, status: int, field: str
) -> None:
    async with client.get(path, headers={"Last-Event-ID": seen}) as reply:
        assert (reply.status, (await reply.json())["error"]["field"]) == (status, field)


async def test_streams_end_when_the_server_stops_and_nothing_is_left_listening(
    client: ClientSession, front: Listening, still: Still
) -> None:
    async with client.get("/api/events") as reply, client.get(f"/api/runs/{await still.accept()}/events") as one:
        await front.close()
        assert (await reply.read()).startswith(b"retry")
        assert (await one.read()).startswith(b"retry")
    assert not still.app.bus.listening


async def test_a_listener_that_goes_is_forgotten(client: ClientSession, still: Still) -> None:
    async with client.get("/api/events") as reply:
        await anext(messages(reply))
        await still.until_listening(1)
        reply.close()
    await still.until_listening(0)


async def test_a_stream_has_no_head(client: ClientSession) -> None:
    async with client.head("/api/events") as reply:
        assert (reply.status, reply.headers["Allow"]) == (405, "GET")


async def test_who_reads_slowly_gets_every_event_in_order(front: Listening, still: Still) -> None:
    """What its connection has no room for waits for it, while the others are written to at once."""
    run_id = await still.accept()
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port, limit=1024)
    request = f"GET /api/runs/{run_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    await reader.readuntil(b"run.queued")
    for number in range(QUEUE_LIMIT // 2):
        still.app.bus.tell(run_id, OtherData.of("filler", {"at": number, "filler": "x" * 20_000}))
        await asyncio.sleep(0)
    await still.end(run_id)
    told = await reader.read()
    writer.close()
    numbers = [int(found) for found in re.findall(rb'"at": (\d+)', told)]
    assert numbers == list(range(QUEUE_LIMIT // 2))
    assert b"run.ended" in told


async def test_a_client_of_an_older_http_hears_the_events_too(front: Listening, still: Still) -> None:
    run_id = await still.accept()
    reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(f"GET /api/runs/{run_id}/events HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"run.queued")
    await still.tell(run_id, StageStarted())
    await still.end(run_id)
    told = await reader.read()
    writer.close()
    assert [b"event: %b\n" % kind in told for kind in (b"stage.started", b"run.ended")] == [True, True]
    assert b"\r\n" not in told  # no framing of chunks
