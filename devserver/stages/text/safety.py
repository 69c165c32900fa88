"""The safety stages: check a text by the term lists and, if the settings ask for it, by a language model."""

from __future__ import annotations

import asyncio

from pydantic import Field

from devserver.errors import Blocked
from devserver.errors.sentences import say
from devserver.llm.answer import Shape
from devserver.model.results import FoundTerm, ModelCheck, SafetyResult
from devserver.stages.text.ask import Asking, NoAnswer, ask, use_of
from devserver.stages.walk import Walk
from schemas.catalog import Catalog
from schemas.lexicon import TermMatch
from schemas.model import TextChunk


class Verdict(Shape):
    allowed: bool = Field(description="true or false")
    category: str = Field(description="one word, empty if allowed")
    reason: str = Field(description="one short sentence, empty if allowed")


async def run_safety(walk: Walk, stage: str, chunk: TextChunk) -> SafetyResult:
    """Check the text for the run's level; the result has the matches, the lists and the model.

    Raises:
        Blocked: with stage, rule and category.
    """
    level, catalog = walk.plan.safety_level, walk.tools.definitions.catalog
    check_lists(catalog, level)
    texts = texts_of(walk)
    matches = [
        _found_term(where, each)
        for where, text in texts
        for each in await asyncio.to_thread(catalog.lexicon.find, text, level)
    ]
    lists = {name: catalog.sources["terms", name].sha256 for name in sorted(catalog.terms)}
    blocked = _by_terms(matches, level, catalog) if matches else None
    result = SafetyResult(allowed=blocked is None, level=level, found=matches, lists=lists)
    if blocked is None and walk.tools.settings.llm_check:
        check, blocked = await _by_model(walk, stage, chunk, "\n\n".join(text for _, text in texts))
        result = result.model_copy(update={"allowed": blocked is None, "check": check})
    await walk.keep_text(stage, "json", result.as_json())
    if blocked is not None:
        raise blocked
    return result


def check_lists(catalog: Catalog, level: str) -> None:
    """Block where a term list cannot be read: without it nobody knows what the text contains.

    Raises:
        Blocked: with what is wrong with the list.
    """
    for (kind, name), why in sorted(catalog.broken.items()):
        if kind == "terms":
            said = say("check_lacks_terms", level=level, list=name, problem=why)
            details = {"level": level, "terms": []}
            raise Blocked(said, code="check_failed", rule="terms", category="unchecked", details=details)


def texts_of(walk: Walk) -> list[tuple[str, str]]:
    """Return all words that go to a backend, by name: the run's text, and parameters like lyrics."""
    texts = [("text", walk.text)]
    for stage in walk.plan.media:
        read = {
            name: walk.texts.get(reference.stage)
            for name, reference in stage.inputs.items()
            if reference.role == "text"
        }
        texts += [(name, text) for name, text in read.items() if text is not None]
        for option in stage.output.options:
            words = [
                name for name, parameter in option.chunk.parameters.items() if parameter.type in ("text", "string")
            ]
            values = [(name, take.get(name)) for take in option.takes for name in words]
            texts += [(name, value) for name, value in values if isinstance(value, str)]
    return list(dict.fromkeys(texts))


def _by_terms(matches: list[FoundTerm], level: str, catalog: Catalog) -> Blocked:
    first = matches[0]
    terms = ", ".join(dict.fromkeys(each.text for each in matches))
    about = catalog.terms[first.list].label.en
    subject = "The text" if first.where == "text" else f"The parameter {first.where}"
    return Blocked(
        say("blocked_by_term", subject=subject, terms=terms, about=about, level=level),
        rule=first.term,
        category=first.category,
        details={
            "level": level,
            "terms": [each.term for each in matches],
            "found": [each.as_json() for each in matches],
        },
    )


async def _by_model(walk: Walk, stage: str, chunk: TextChunk, text: str) -> tuple[ModelCheck, Blocked | None]:
    """Return a model's verdict for the record, and the block that follows from it; the chunk says at which levels."""
    level = walk.plan.safety_level
    if chunk.llm is None:
        return ModelCheck(made=False, reason="the chunk has no instruction for it"), None
    rule = chunk.llm
    asked = rule.model_copy(update={"instruction": f"{rule.instruction}\n\nThe level is: {level}"})
    try:
        reply = await ask(walk, Asking(stage, chunk.step), asked, Verdict, text)
    except NoAnswer as e:
        made = ModelCheck(made=False, code=e.code, reason=str(e), problems=e.problems)
        if level in chunk.fail_closed:
            said = say("check_lacks_model", level=level, problem=e.said)
            details: dict[str, object] = {"level": level, "terms": [], "problems": e.problems}
            return made, Blocked(said, code="check_failed", rule="llm_check", category="unchecked", details=details)
        await walk.warn(walk.place(stage), say("only_terms_checked", problem=e.said), code=e.code, problems=e.problems)
        return made, None
    verdict = reply.answer
    made = ModelCheck(
        made=True,
        allowed=verdict.allowed,
        category=verdict.category,
        reason=verdict.reason,
        llm=use_of(reply),
    )
    if verdict.allowed:
        return made, None
    category = verdict.category.strip() or "unnamed"
    said = say("blocked_by_model", level=level, category=category, reason=verdict.reason)
    details = {"level": level, "terms": [], "check": made.as_json()}
    return made, Blocked(said, rule="llm_check", category=category, details=details)


def _found_term(where: str, match: TermMatch) -> FoundTerm:
    return FoundTerm(
        where=where,
        term=match.term,
        text=match.text,
        category=match.category,
        language=match.language,
        level=match.level,
        list=match.list,
    )
