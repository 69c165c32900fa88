from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from devserver.llm.answer import Shape
from devserver.llm.errors import LlmError
from devserver.model.events import Event, TextDelta
from devserver.stages.text.ask import Asking, NoAnswer, ask, unload_models, use_of
from devserver.stages.walk import Walk
from schemas.model import LlmRule
from tests.devserver.plans import RUN_ID
from tests.devserver.stages.text.models import warnings, with_models
from tests.patience import PATIENCE_S

RULE = LlmRule(instruction="Rewrite it.", temperature=0.5)


class Said(Shape):
    text: str


async def said(walk: Walk) -> Any:
    return await ask(walk, Asking("interception", "interception"), RULE, Said, "slow")


async def test_the_first_model_that_answers_is_taken_and_those_that_failed_are_told(walk: Walk) -> None:
    models = with_models(walk, first="it fell silent", second={"text": "y"}, third={"text": "z"})
    reply = await said(walk)
    assert (reply.answer.text, models.asked) == ("y", [("first", "slow"), ("second", "slow")])
    assert use_of(reply).as_json().items() >= {"endpoint": "second", "seed": walk.plan.seed, "attempts": 1}.items()
    assert await warnings(walk) == ["llm_other"]


async def test_where_all_fail_each_problem_is_named(walk: Walk) -> None:
    with_models(walk, first="one", second="two")
    with pytest.raises(NoAnswer, match="one two") as caught:
        await said(walk)
    assert (caught.value.code, caught.value.as_error().status) == ("llm_failed", 502)
    assert [problem["endpoint"] for problem in caught.value.problems] == ["first", "second"]


@pytest.mark.parametrize(("mode", "asked"), [("eco", ["near"]), ("fast", ["far", "near"])])
async def test_a_remote_model_is_asked_in_mode_fast_alone(walk: Walk, mode: str, asked: list[str]) -> None:
    models = with_models(walk, remote=("far",), far="no", near={"text": "y"})
    walk.plan = walk.plan.model_copy(update={"execution_mode": mode})
    await said(walk)
    assert [name for name, _ in models.asked] == asked


async def test_where_none_may_be_asked_it_is_said_why(walk: Walk) -> None:
    with_models(walk)
    with pytest.raises(NoAnswer, match="none is configured") as caught:
        await said(walk)
    assert (caught.value.code, caught.value.as_error().status) == ("llm_missing", 409)
    with_models(walk, remote=("far",), far={"text": "y"})
    with pytest.raises(NoAnswer, match="interception are remote, and the mode is eco"):
        await said(walk)


async def test_the_text_is_told_as_it_grows(walk: Walk) -> None:
    with_models(walk, first={"text": "y"})
    heard = walk.tools.bus.subscribe(RUN_ID)
    await said(walk)
    event = await asyncio.wait_for(anext(heard), PATIENCE_S)
    assert isinstance(event, Event)
    assert (event.stage, event.data) == ("interception", TextDelta(text="grows"))


async def test_a_model_that_keeps_its_memory_is_told_and_stops_nothing(walk: Walk) -> None:
    class Held(type(with_models(walk))):  # type: ignore[misc]  # a class of its own, for one answer
        async def release(self) -> list[LlmError]:
            return [LlmError("first", "it does not let go")]

    walk.tools = replace(walk.tools, models=Held({}))
    await unload_models(walk)
    assert await warnings(walk) == ["llm_not_freed"]
