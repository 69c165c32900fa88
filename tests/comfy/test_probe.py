"""Whether a backend that answers is alive, seen in two looks at most."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from devserver.comfy import probe as probing
from devserver.comfy.follow import Follower
from devserver.comfy.probe import Health, probe
from tests.comfy.backend import Backend
from tests.patience import PATIENCE_S

Say = Callable[[int], Awaitable[None]]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look follows at once, and no machine is too busy for an answer."""
    monkeypatch.setattr(probing, "SECOND_LOOK_S", 0)
    monkeypatch.setattr(probing, "ANSWER_LIMIT_S", PATIENCE_S)


@pytest.fixture
def say(backend: Backend, follower: Follower) -> Say:
    """Tell the socket how long the queue is; the answer to a ping comes behind it."""

    async def say_length(length: int) -> None:
        await backend.tell("status", status={"exec_info": {"queue_remaining": length}})
        assert await follower.answers_ping(PATIENCE_S)

    return say_length


def looks(backend: Backend) -> int:
    return sum(request.path == "/queue" for request in backend.requests)


def between_looks(backend: Backend, happen: Callable[[], Awaitable[None]]) -> None:
    """Let something happen before the second answer about the queue."""
    usual = backend._answer

    async def answer(request: web.Request) -> web.StreamResponse:
        if looks(backend) == 2:
            await happen()
        return await usual(request)

    backend.answers["GET", "/queue"] = answer


async def test_a_backend_that_is_well_is_looked_at_once(backend: Backend, follower: Follower, say: Say) -> None:
    backend.running = ["x"]
    await say(1)
    assert await probe(follower) == Health(answers=True, worker_alive=True, socket_alive=True)
    assert looks(backend) == 1


async def test_a_worker_that_leaves_a_prompt_waiting_is_dead(backend: Backend, follower: Follower, say: Say) -> None:
    backend.pending = ["x"]
    await say(1)
    assert await probe(follower) == Health(answers=True, worker_alive=False, socket_alive=True)
    assert looks(backend) == 2


async def test_a_worker_between_two_prompts_is_alive(backend: Backend, follower: Follower, say: Say) -> None:
    async def take() -> None:
        backend.running, backend.pending = backend.pending, ["y"]

    backend.pending = ["x"]
    await say(1)
    between_looks(backend, take)
    assert (await probe(follower)).worker_alive


async def test_a_worker_that_waits_for_another_prompt_than_before_is_alive(
    backend: Backend, follower: Follower, say: Say
) -> None:
    async def finish() -> None:
        backend.pending = ["y"]

    backend.pending = ["x"]
    await say(1)
    between_looks(backend, finish)
    assert (await probe(follower)).worker_alive


async def test_a_socket_that_was_told_another_length_is_deaf(backend: Backend, follower: Follower, say: Say) -> None:
    await say(0)
    backend.running = ["x"]
    assert await probe(follower) == Health(answers=True, worker_alive=True, socket_alive=False)


async def test_a_message_that_was_on_its_way_is_waited_for(backend: Backend, follower: Follower, say: Say) -> None:
    await say(0)
    backend.running = ["x"]
    between_looks(backend, lambda: say(1))
    assert (await probe(follower)).socket_alive


async def test_a_backend_that_answers_with_a_fault_does_not_answer(backend: Backend, follower: Follower) -> None:
    async def broken(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    backend.answers["GET", "/queue"] = broken
    assert not (await probe(follower)).answers
