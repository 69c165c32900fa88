"""Language models that say what a test scripts, for stages that ask them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from devserver.llm.answer import Shape
from devserver.llm.ask import Models, Question, Reply
from devserver.llm.chat import Endpoint
from devserver.llm.errors import LlmError
from devserver.stages.walk import Walk, WalkSettings

S = TypeVar("S", bound=Shape)


class Scripted(Models):
    """Endpoints by their names; each gives an answer, or fails with its words. `asked` has what each was asked."""

    def __init__(self, says: dict[str, dict[str, Any] | str], remote: tuple[str, ...] = ()) -> None:
        super().__init__([Endpoint(name, "http://127.0.0.1:9", "tiny", remote=name in remote) for name in says])
        self._says, self.asked = says, list[tuple[str, str]]()

    async def ask(self, endpoint: Endpoint, question: Question[S], on_text: Callable[[str], None]) -> Reply[S]:
        self.asked.append((endpoint.name, question.text))
        said = self._says[endpoint.name]
        if isinstance(said, str):
            raise LlmError(endpoint.name, said)
        on_text("grows")
        return Reply(question.shape.model_validate(said), endpoint, question.seed, question.temperature, 1)


def with_models(walk: Walk, *, llm_check: bool = False, remote: tuple[str, ...] = (), **says: Any) -> Scripted:
    """Let a walk ask these models."""
    models = Scripted(says, remote)
    walk.tools = replace(walk.tools, models=models, settings=WalkSettings(llm_check=llm_check))
    return models


async def warnings(walk: Walk) -> list[str]:
    """The codes of what the user of a run was told."""
    told = await walk.read(lambda reading: reading.warnings(walk.run.run_id))
    return [warning.code for warning in told]


async def files(walk: Walk) -> list[str]:
    entities = await walk.read(lambda reading: reading.entities(walk.run.run_id))
    return [entity.filename for entity in entities if entity.stage]
