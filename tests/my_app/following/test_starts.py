from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientSession
from multidict import CIMultiDict

from devserver.model.events import Progress
from devserver.model.failure import Failure
from my_app.front import Listening
from tests.my_app.still import Still
from tests.patience import PATIENCE_S

EXECUTE = "/api/schema/pipeline/execute"


async def execute(client: ClientSession, headers: dict[str, str] | None = None, **body: Any) -> tuple[int, Any, Any]:
    async with client.post(EXECUTE, json={"input_text": "test", **body}, headers=headers) as reply:
        return reply.status, reply.headers, await reply.json()


async def test_the_answer_comes_when_the_run_has_ended(client: ClientSession, still: Still) -> None:
    waiting = asyncio.create_task(execute(client))
    await still.until_listening(1)
    assert not waiting.done()
    await still.end(next(iter(await still.users())))
    status, _, body = await waiting
    assert (status, body["status"]) == (200, "success")


@pytest.mark.parametrize("status", [403, 409, 500, 502, 504])
async def test_a_run_that_ends_badly_answers_with_its_status_and_its_whole_body(
    client: ClientSession, still: Still, status: int
) -> None:
    waiting = asyncio.create_task(execute(client))
    await still.until_listening(1)
    await still.end(next(iter(await still.users())), "failed", Failure(code="told", message="x", status=status))
    got = await waiting
    assert (got[0], got[2]["error"]["code"]) == (status, "told")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"wait": False}),
        ({"Prefer": "respond-async"}, {}),
        ({}, {"wait_timeout_s": 0.05}),
        ({"Prefer": "wait=0"}, {}),
    ],
)
async def test_who_does_not_wait_gets_202_with_links(
    client: ClientSession, headers: dict[str, str], body: dict[str, Any]
) -> None:
    status, got_headers, got = await execute(client, headers, **body)
    assert (status, got["status"]) == (202, "queued")
    assert got_headers["Location"] == got["links"]["run"] == f"/api/runs/{got['run_id']}"


async def test_health_is_answered_while_200_requests_wait(client: ClientSession, still: Still) -> None:
    # The front has 4 threads for Flask here: if waiting took one, the fifth request would stop everything.
    waiting = [asyncio.create_task(execute(client)) for _ in range(200)]
    await still.until_listening(200)
    for path in ("/health", "/api/runs"):
        async with client.get(path) as reply:
            assert reply.status == 200
    assert not any(request.done() for request in waiting)
    accepted = await still.users()
    for run_id in accepted:
        await still.end(run_id)
    answers = [body["run_id"] for _, _, body in await asyncio.gather(*waiting)]
    assert sorted(answers) == sorted(accepted)


async def test_a_client_that_goes_leaves_its_run_alone(client: ClientSession, still: Still) -> None:
    waiting = asyncio.create_task(execute(client))
    await still.until_listening(1)
    waiting.cancel()
    await still.until_listening(0)
    run_id = next(iter(await still.users()))
    async with client.get(f"/api/runs/{run_id}/answer") as reply:
        assert reply.status == 202
    await still.end(run_id)
    async with client.get(f"/api/runs/{run_id}/answer") as reply:
        assert reply.status == 200


async def test_streaming_tells_what_happens_and_the_answer_last(client: ClientSession, still: Still) -> None:
    async with client.post(EXECUTE, json={"input_text": "test", "enable_streaming": True}) as reply:
        assert (reply.status, reply.content_type) == (200, "text/event-stream")
        run_id = next(iter(await still.users()))
        still.app.bus.tell(run_id, Progress(value=1, max=2))
        await still.end(run_id)
        lines = (await reply.text()).splitlines()
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert kinds[0] == "run.queued"
    assert kinds[-2:] == ["run.ended", "answer"]
    data = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert data[-1]["status"] == "success"


async def test_a_server_that_stops_says_where_to_ask_again(
    client: ClientSession, front: Listening, still: Still
) -> None:
    waiting = asyncio.create_task(execute(client))
    await still.until_listening(1)
    await front.close()
    status, _, body = await waiting
    assert (status, body["links"]["run"]) == (202, f"/api/runs/{body['run_id']}")


async def test_an_answer_can_be_waited_for_again(client: ClientSession, still: Still) -> None:
    _, _, begun = await execute(client, wait=False)
    path = f"/api/runs/{begun['run_id']}/answer"
    async with client.get(path, headers={"Prefer": "wait=0"}) as reply:
        assert reply.status == 202
    asking = asyncio.create_task(client.get(path, headers={"Prefer": "wait=600"}))
    await still.until_listening(1)
    await still.end(begun["run_id"])
    async with await asking as reply:
        assert (reply.status, (await reply.json())["status"]) == (200, "success")


async def test_headers_that_are_repeated_count_together(client: ClientSession) -> None:
    headers = CIMultiDict([("prefer", "wait=600"), ("Prefer", "respond-async")])
    async with client.post(EXECUTE, json={"input_text": "test"}, headers=headers) as reply:
        assert reply.status == 202


@pytest.mark.parametrize("wait", [True, False])
async def test_a_client_that_goes_while_its_run_is_accepted_stops_nothing_half_way(
    client: ClientSession, still: Still, monkeypatch: pytest.MonkeyPatch, wait: bool
) -> None:
    arriving, admitted, accepted, accept = asyncio.Event(), asyncio.Event(), asyncio.Event(), still.app.runs.accept

    async def slowly(*given: Any) -> Any:
        arriving.set()
        await admitted.wait()
        run = await accept(*given)
        accepted.set()
        return run

    monkeypatch.setattr(still.app.runs, "accept", slowly)
    asking = asyncio.create_task(execute(client, wait=wait))
    await arriving.wait()
    asking.cancel()
    await asyncio.wait({asking})
    async with client.get("/health") as reply:  # the server has seen by now that the other connection is closed
        assert reply.status == 200
    admitted.set()
    async with asyncio.timeout(PATIENCE_S):
        await accepted.wait()
