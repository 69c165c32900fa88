"""Text stages: safety looks for terms, interception rewrites by rule. Deterministic, without a network."""

from __future__ import annotations

import re
from typing import Any

from devserver.errors import Blocked
from devserver.plan import StagePlan
from devserver.stages.rules.table import rewrite
from devserver.walk import Walk
from schemas.model import Level, TextChunk


async def run_text(walk: Walk, stage: StagePlan) -> dict[str, Any]:
    """Run a text stage; its result is what the record keeps and a rerun takes over.

    Raises:
        Blocked: a safety stage found a term of its level.
    """
    if stage.text is None:
        raise TypeError(f"{stage.name} is no text stage")
    if stage.text.step == "safety":
        found = find_terms(walk.text, stage.text, walk.plan.safety_level)
        result = {"allowed": not found, "level": walk.plan.safety_level, "terms": found}
        await walk.keep_text(stage, "json", result)
        if found:
            raise Blocked(
                f"The text contains {', '.join(found)}, which safety_level {walk.plan.safety_level} does not allow.",
                terms=found,
                hint="Change the text, or choose another safety_level.",
            )
        return result
    text = rewrite(walk.text, walk.plan.interception.rule, walk.plan.seed)
    await walk.keep_text(stage, "txt", text)
    return {"text": text}


def find_terms(text: str, chunk: TextChunk, level: Level) -> list[str]:
    """The chunk's terms for a level that stand in the text as whole words, case folded."""
    folded = text.casefold()
    terms = chunk.terms_at(level)
    return [term for term in terms if re.search(rf"(?<!\w){re.escape(term.casefold())}(?!\w)", folded)]
