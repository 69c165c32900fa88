"""One conversation: pieces, silence, and who hangs up."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.llm import errors
from devserver.llm.ask import Models
from devserver.llm.chat import Endpoint
from tests.doubles.llm import LlmServer, answer
from tests.llm.conftest import LONG, QUESTION, Asking


async def test_an_answer_comes_in_pieces_and_says_where_it_came_from(ask: Asking) -> None:
    reply = await ask()
    assert reply.answer.text == LONG
    told = {"endpoint": "here", "model": "tiny", "remote": False, "seed": 7, "temperature": 0.5, "attempts": 1}
    assert reply.as_dict() == told
    assert ask.grown[-1] == LONG
    assert len(ask.grown) > 3
    assert all(LONG.startswith(text) for text in ask.grown)


async def test_a_server_that_does_not_stream_is_understood(llm: LlmServer, ask: Asking) -> None:
    llm.says = [replace(answer(text="rain"), kind="whole")]
    assert (await ask()).answer.text == "rain"


async def test_silence_has_an_end(llm: LlmServer) -> None:
    llm.says = [replace(answer(text=LONG), kind="hang")]
    models = Models([Endpoint("here", llm.url, "tiny")], 0.2)
    with pytest.raises(errors.TooSlow, match=r"within 0\.2 s"):
        await models.ask(models.endpoints[0], QUESTION, lambda _: None)
    await models.close()


async def test_who_asks_no_more_hangs_up(llm: LlmServer, ask: Asking) -> None:
    llm.says = [replace(answer(text=LONG), kind="hang")]
    task = asyncio.create_task(ask())
    await asyncio.to_thread(llm.talking.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(llm.hung_up.wait, 20)


async def test_nobody_at_the_address_is_said_so() -> None:
    models = Models([Endpoint("gone", "http://127.0.0.1:9/v1", "tiny")])
    with pytest.raises(errors.Unreachable, match="gone does not answer at http") as caught:
        await models.ask(models.endpoints[0], QUESTION, lambda _: None)
    said = caught.value.said
    assert (said.message_code, said.values["problem_quoted"]) == ("llm_no_answer_because", True)
    await models.close()
