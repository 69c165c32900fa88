"""Asking a language model from a text stage: which ones may be asked, the text as it grows, and who failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from devserver.errors import StageError, TonewrightError
from devserver.errors.sentences import Said, Several, say
from devserver.llm.answer import Shape
from devserver.llm.ask import Question, Reply
from devserver.llm.errors import LlmError
from devserver.model.events import TextDelta
from devserver.model.results import LlmUse
from devserver.stages.walk import Walk
from schemas.model import LlmRule

S = TypeVar("S", bound=Shape)


class NoAnswer(TonewrightError):
    """No language model answered: none may be used (`llm_missing`), or all that were asked failed (`llm_failed`)."""

    def __init__(self, said: Said, problems: list[LlmError]) -> None:
        super().__init__(said.message)
        self.said, self.code = said, said.message_code
        self.problems = [problem.as_dict() for problem in problems]

    def as_error(self) -> StageError:
        """Return the error of a run that must not go on without an answer."""
        status = 409 if self.code == "llm_missing" else 502
        return StageError(self.said, code=self.code, status=status, details={"problems": self.problems})


@dataclass(frozen=True)
class Asking:
    """The asking side: a stage of the run and its step."""

    stage: str
    step: str


async def ask(walk: Walk, asking: Asking, rule: LlmRule, shape: type[S], text: str) -> Reply[S]:
    """Ask the models that the run may use about a text, in their order, until one answers.

    Raises:
        NoAnswer: what was wrong with each.
    """
    models, mode = walk.tools.models, walk.plan.execution_mode
    step = asking.step
    allowed = models.for_step(step, remote=mode == "fast")
    if not allowed:
        remote = bool(models.for_step(step, remote=True))
        reason = f"those configured for {step} are remote, and the mode is {mode}" if remote else "none is configured"
        raise NoAnswer(say("llm_missing", step=step, reason=reason), [])

    def on_text(grown: str) -> None:
        walk.tools.bus.tell(walk.run.run_id, TextDelta(text=grown), stage=asking.stage)

    question = Question(rule.instruction, text, shape, rule.temperature, walk.plan.seed)
    problems: list[LlmError] = []
    for endpoint in allowed:
        try:
            reply = await models.ask(endpoint, question, on_text)
        except LlmError as e:
            problems.append(e)
            continue
        if problems:
            failed = Several([problem.said for problem in problems])
            earlier = [problem.as_dict() for problem in problems]
            said = say("llm_other", problem=failed, endpoint=endpoint.name)
            await walk.warn(walk.place(asking.stage), said, used=endpoint.name, problems=earlier)
        return reply
    raise NoAnswer(say("llm_failed", problem=Several([problem.said for problem in problems])), problems)


def use_of(reply: Reply[S]) -> LlmUse:
    """Return which model answered and how it was asked, for the stage's result."""
    return LlmUse.model_validate(reply.as_dict())


async def unload_models(walk: Walk) -> None:
    """Let models that have been used free their memory, before media are made."""
    for problem in await walk.tools.models.release():
        await walk.warn(walk.place(), say("llm_not_freed", problem=problem.said), endpoint=problem.endpoint)
