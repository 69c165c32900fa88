"""Text stages: safety says whether the text may go on, interception rewrites it."""

from __future__ import annotations

from typing import Any

from devserver.plan import StagePlan
from devserver.stages.rules.table import rewrite
from devserver.stages.safety import run_safety
from devserver.walk import Walk


async def run_text(walk: Walk, stage: StagePlan) -> dict[str, Any]:
    """Run a text stage; its result is what the record keeps and a rerun takes over.

    Raises:
        Blocked: a safety stage said no.
    """
    if stage.text is None:
        raise TypeError(f"{stage.name} is no text stage")
    if stage.text.step == "safety":
        return await run_safety(walk, stage)
    text = rewrite(walk.text, walk.plan.interception.rule, walk.plan.seed)
    await walk.keep_text(stage, "txt", text)
    return {"text": text}
