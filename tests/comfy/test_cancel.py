"""Cancelling: the prompt that was meant, and it really stops."""

from __future__ import annotations

import pytest
from aiohttp import web

from devserver.comfy.cancel import Cancelled, cancel
from devserver.comfy.client import Client
from devserver.comfy.errors import StillRunning, Unreachable
from tests.comfy.backend import GRAPH, Backend


async def test_it_says_what_it_did(backend: Backend, client: Client) -> None:
    backend.running, backend.pending = ["a"], ["b"]
    assert await cancel(client, "b") == Cancelled(("deleted",))
    assert await cancel(client, "a") == Cancelled(("interrupted",))
    assert await cancel(client, "a") == Cancelled(())
    assert [path for path, _ in backend.commands] == ["/queue", "/interrupt"]


async def test_a_backend_that_does_not_answer_is_told_of(backend: Backend, client: Client) -> None:
    await backend.stop()
    with pytest.raises(Unreachable):
        await cancel(client, "a", limit_seconds=0.05)


async def test_cancelling_a_prompt_that_waits_deletes_it(backend: Backend, client: Client) -> None:
    backend.running.append("other")
    await client.submit(GRAPH, "p", "ours")
    assert (await cancel(client, "p")).did == ("deleted",)
    assert backend.commands == [("/queue", {"delete": ["p"]})]
    assert backend.running == ["other"]


async def test_cancelling_a_prompt_that_runs_interrupts_this_one(backend: Backend, client: Client) -> None:
    await client.submit(GRAPH, "p", "ours")
    assert (await cancel(client, "p")).did == ("interrupted",)
    assert backend.commands == [("/interrupt", {"prompt_id": "p"})]


async def test_a_prompt_that_runs_although_it_was_deleted_is_interrupted(backend: Backend, client: Client) -> None:
    async def run_anyway(request: web.Request) -> web.Response:
        backend.commands.append(("/queue", await request.json()))
        backend.pending.remove("p")
        backend.running = ["p"]
        return web.Response()

    backend.answers["POST", "/queue"] = run_anyway
    backend.running.append("other")
    await client.submit(GRAPH, "p", "ours")
    assert (await cancel(client, "p")).did == ("deleted", "interrupted")
    assert [path for path, _ in backend.commands] == ["/queue", "/interrupt"]


async def test_a_prompt_that_does_not_stop_is_told_of(backend: Backend, client: Client) -> None:
    async def ignore(_request: web.Request) -> web.Response:
        return web.Response()

    backend.answers["POST", "/interrupt"] = ignore
    await client.submit(GRAPH, "p", "ours")
    with pytest.raises(StillRunning, match="still lists the prompt p"):
        await cancel(client, "p", limit_seconds=0.2)
