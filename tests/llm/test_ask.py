"""Which model is asked, with what, how often, and when it makes room."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from devserver.llm import errors
from devserver.llm.ask import SEEDS, Models
from devserver.llm.chat import Endpoint
from tests.doubles.llm import LlmServer, Say, answer
from tests.llm.conftest import LONG, QUESTION, Asking


async def test_it_is_asked_by_schema_with_the_users_text_as_a_message_of_its_own(llm: LlmServer, ask: Asking) -> None:
    await ask()
    (body,) = llm.asked
    assert (body["model"], body["seed"], body["temperature"], body["stream"]) == ("tiny", 7, 0.5, True)
    schema = body["response_format"]["json_schema"]["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["text"], False)
    system, user = body["messages"]
    assert system["content"].startswith("Make it rain.")
    assert user == {"role": "user", "content": "a song about the sun"}
    assert llm.headers[0]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("say", "error"),
    [
        (Say(""), errors.EmptyAnswer),
        (Say("no json"), errors.NotJson),
        (answer(poem="rain"), errors.WrongShape),
        (Say("no json", kind="whole"), errors.NotJson),
        (Say(refusal="I will not"), errors.Declined),
        (Say('{"text"', finish="content_filter"), errors.Declined),
        (Say('{"text"', finish="length"), errors.CutOff),
        (Say('{"text": "x"}', kind="cut"), errors.CutOff),
        (Say('{"text": "x"}', kind="broken"), errors.NotTheRoute),
        (Say("out of memory", status=500), errors.HttpProblem),
        (Say(kind="endless"), errors.NotTheRoute),
    ],
)
async def test_a_bad_answer_is_asked_for_once_more_with_another_seed(
    llm: LlmServer, ask: Asking, say: Say, error: type[errors.LlmError]
) -> None:
    llm.says = [say, answer(text="rain")]
    reply = await ask()
    assert (reply.answer.text, reply.attempts, reply.seed) == ("rain", 2, 8)
    assert [body["seed"] for body in llm.asked] == [7, 8]
    llm.says = [say]
    with pytest.raises(error) as raised:
        await ask()
    assert raised.type is error
    assert len(llm.asked) == 4


@pytest.mark.parametrize(
    ("say", "error", "words"),
    [
        (Say("model 'tiny' not found, try pulling it first", status=404), errors.HttpProblem, "try pulling it"),
        (Say("wrong key", status=401), errors.HttpProblem, "401: wrong key"),
        (Say(kind="html"), errors.WebPage, "usually ends in /v1"),
        (Say(kind="html", status=404), errors.WebPage, "usually ends in /v1"),
    ],
)
async def test_what_asking_again_cannot_mend_is_told_at_once(
    llm: LlmServer, ask: Asking, say: Say, error: type[errors.LlmError], words: str
) -> None:
    llm.says = [say]
    with pytest.raises(error, match=words):
        await ask()
    assert len(llm.asked) == 1


async def test_a_server_that_knows_no_schema_is_asked_without(llm: LlmServer, ask: Asking) -> None:
    llm.says = [Say(f'Here: {{"text": "{LONG}"}}', if_plain=True)]
    assert (await ask()).answer.text == LONG
    assert ["response_format" in body for body in llm.asked] == [True, False]


async def test_memory_is_freed_once_by_ollamas_own_route_after_it_was_used(llm: LlmServer, ask: Asking) -> None:
    assert await ask.models.release() == []
    assert llm.released == []
    await ask()
    await ask.models.release()
    await ask.models.release()
    assert llm.released == [{"model": "tiny", "keep_alive": 0}]


async def test_memory_is_not_freed_under_somebody_else(llm: LlmServer, ask: Asking) -> None:
    llm.says = [replace(answer(text=LONG), kind="hang")]
    task = asyncio.create_task(ask())
    await asyncio.to_thread(llm.talking.wait, 20)
    await ask.models.release()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert llm.released == []
    await ask.models.release()
    assert len(llm.released) == 1


def test_eco_knows_no_remote_model_and_a_model_only_does_its_steps() -> None:
    here = Endpoint("here", "http://127.0.0.1:1/v1", "tiny", steps=frozenset({"safety"}))
    there = Endpoint("there", "https://example.org/v1", "big", remote=True)
    models = Models([here, there])
    assert [each.name for each in models.for_step("safety", remote=True)] == ["here", "there"]
    assert models.for_step("safety", remote=False) == [here]
    assert models.for_step("interception", remote=False) == []


async def test_the_models_of_an_endpoint_are_listed(ask: Asking) -> None:
    assert await ask.models.list_models(ask.endpoint) == ["tiny"]
    with pytest.raises(errors.LlmError, match="does not answer"):
        await ask.models.list_models(replace(ask.endpoint, url="http://127.0.0.1:9/v1"))


def test_a_seed_stays_one_that_every_server_takes() -> None:
    assert [replace(QUESTION, seed=SEEDS - 1).seed_for(attempt) for attempt in (0, 1)] == [SEEDS - 1, 0]


async def test_a_model_that_cannot_free_its_memory_is_told_and_not_asked_again(llm: LlmServer, ask: Asking) -> None:
    await ask()
    ask.models.endpoints = (replace(ask.endpoint, url=f"{llm.url}/elsewhere"),)
    (problem,) = await ask.models.release()
    assert "here did not free its memory" in problem.message
    assert await ask.models.release() == []


async def test_a_model_without_keep_alive_keeps_its_memory(llm: LlmServer, ask: Asking) -> None:
    ask.models.endpoints = (replace(ask.endpoint, keep_alive=None),)
    await ask()
    assert await ask.models.release() == []
    assert llm.released == []


@pytest.mark.parametrize("models", [None, "tiny", [{"name": "tiny"}], ["tiny"]])
async def test_a_list_of_models_in_another_shape_is_told(llm: LlmServer, ask: Asking, models: object) -> None:
    llm.listed = {"data": models}
    with pytest.raises(errors.LlmError, match=r"here lists no models at .*/models"):
        await ask.models.list_models(ask.endpoint)
