"""A double that says what a test scripts, and one question for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.llm.answer import Shape
from devserver.llm.ask import Models, Question, Reply
from devserver.llm.chat import Endpoint
from tests.doubles.llm import LlmServer, answer


class Rewritten(Shape):
    text: str


QUESTION = Question("Make it rain.", "a song about the sun", Rewritten, 0.5, 7)


LONG = "rain on the roof and a slow train in the valley"


class Asking:
    """Asks one endpoint of a double, and keeps the text as it grew."""

    def __init__(self, server: LlmServer) -> None:
        self.endpoint = Endpoint("here", server.url, "tiny", api_key="secret", keep_alive=0)
        self.models = Models([self.endpoint], 20)
        self.grown: list[str] = []

    async def __call__(self) -> Reply[Rewritten]:
        return await self.models.ask(self.endpoint, QUESTION, self.grown.append)


@pytest.fixture
async def llm() -> AsyncIterator[LlmServer]:
    with LlmServer([answer(text=LONG)]) as server:
        yield server


@pytest.fixture
async def ask(llm: LlmServer) -> AsyncIterator[Asking]:
    asking = Asking(llm)
    yield asking
    await asking.models.close()
