"""Interception and translation: by a language model where one answers, else as declared; never in silence."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from devserver.errors.sentences import say
from devserver.llm.answer import Shape
from devserver.model.results import TextResult, TranslationResult
from devserver.stages.text.ask import Asking, NoAnswer, ask, use_of
from devserver.stages.text.rules.table import rewrite
from devserver.stages.walk import Walk
from schemas.model import TextChunk

LONGEST_TEXT = 20_000


def _storable(text: str) -> str:
    text.encode()  # half of a surrogate pair cannot be stored or sent on
    return text


Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT), AfterValidator(_storable)
]


class Rewritten(Shape):
    text: Words = Field(description="the new text, without any remark about it")


class Translated(Shape):
    text: Words = Field(description="the text in English, without any remark about it")
    language: str = Field(description="the language that the text was in, as a two-letter code")


async def run_interception(walk: Walk, stage: str, chunk: TextChunk) -> TextResult:
    """Rewrite the text as the run's schema says; the result says by what.

    Raises:
        StageError: no model answered, and the request allows no fallback.
    """
    config = walk.plan.interception
    if config.llm is not None:
        try:
            reply = await ask(walk, Asking(stage, chunk.step), config.llm, Rewritten, walk.text)
        except NoAnswer as e:
            await _allow(walk, stage, e, config.rule.kind)
        else:
            await walk.keep_text(stage, "txt", reply.answer.text)
            return TextResult(text=reply.answer.text, llm=use_of(reply))
    text = rewrite(walk.text, config.rule, walk.plan.seed)
    await walk.keep_text(stage, "txt", text)
    return TextResult(text=text, rule=config.rule.kind)


async def _allow(walk: Walk, stage: str, problem: NoAnswer, rule: str) -> None:
    """Say what is done without a model. A rule that changes the text is the config's own second way."""
    config = walk.plan.interception.name
    if not walk.plan.fallback and (problem.code == "llm_failed" or rule == "plain"):
        raise problem.as_error() from problem
    message_code = "llm_text_unchanged" if rule == "plain" else "llm_rule_used"
    said = say(message_code, problem=problem.said, config=config, rule=rule)
    details = {"asked": config, "used": rule, "problems": problem.problems}
    await walk.warn(walk.place(stage), said, code=problem.code, **details)


async def run_translation(walk: Walk, stage: str, chunk: TextChunk) -> TranslationResult:
    """Translate the text into English; the result keeps the original.

    Raises:
        StageError: the models failed, and the request allows no fallback.
    """
    if chunk.llm is None:
        raise TypeError(f"{stage} has no instruction for a translation")
    original = walk.text
    try:
        reply = await ask(walk, Asking(stage, chunk.step), chunk.llm, Translated, original)
    except NoAnswer as e:
        if not walk.plan.fallback and e.code == "llm_failed":
            raise e.as_error() from e
        await walk.warn(walk.place(stage), say("not_translated", problem=e.said), code=e.code, problems=e.problems)
        return TranslationResult(text=original, translated=False)
    text = reply.answer.text
    await walk.keep_text(stage, "txt", text)
    return TranslationResult(
        text=text,
        original=original,
        translated=text != original,
        language=reply.answer.language,
        llm=use_of(reply),
    )
