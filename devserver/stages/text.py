"""Text stages: safety says whether the text may go on, interception rewrites it, translation puts it into English."""

from __future__ import annotations

from typing import Final

from devserver.plan import StagePlan
from devserver.runs.results import StageResult
from devserver.stages.rewriting import run_interception, run_translation
from devserver.stages.safety import run_safety
from devserver.walk import Walk

STEPS: Final = {"safety": run_safety, "interception": run_interception, "translation": run_translation}


async def run_text(walk: Walk, stage: StagePlan) -> StageResult:
    """Run a text stage; its result is what the record keeps and a rerun takes over.

    Raises:
        Blocked: a safety stage said no.
        StageError: a language model was needed and did not answer.
    """
    if stage.text is None:
        raise TypeError(f"{stage.name} is no text stage")
    return await STEPS[stage.text.step](walk, stage)
