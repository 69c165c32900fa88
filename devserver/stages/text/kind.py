"""Text stages: safety says whether the text may go on, interception rewrites it, translation puts it into English."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from devserver.model.plan import StagePlan
from devserver.model.results import StageResult
from devserver.stages.inputs import Inputs
from devserver.stages.kind import Planning, StageKind, Step
from devserver.stages.text.rewriting import run_interception, run_translation
from devserver.stages.text.safety import run_safety
from devserver.stages.walk import Walk
from schemas.model import TextChunk
from schemas.pipeline import Stage
from schemas.pipeline_rules import TextRules

STEPS: Final = {"safety": run_safety, "interception": run_interception, "translation": run_translation}


class TextKind(TextRules, StageKind):
    """A stage that checks or changes the run's text."""

    name = "text"

    def plan(self, stage: Stage, planning: Planning) -> Iterator[Step]:
        chunk = planning.catalog.text_chunk(stage.chunk)
        yield (
            StagePlan(
                name=stage.name,
                kind=self.name,
                on_text="checks" if chunk.step == "safety" else "changes",
                skip=_skip(chunk, planning),
                work={"chunk": chunk.model_dump(mode="json")},
            ),
        )

    async def run(self, walk: Walk, stage: StagePlan, inputs: Inputs) -> StageResult:
        """Run a step over the text; its result is what the record keeps and a rerun takes over.

        Raises:
            Blocked: a safety stage said no.
            StageError: a language model was needed and did not answer.
        """
        del inputs
        chunk = TextChunk.model_validate(stage.work["chunk"])
        return await STEPS[chunk.step](walk, stage.name, chunk)


def _skip(chunk: TextChunk, planning: Planning) -> str:
    """Return why a text stage has nothing to do in this run; "" where it has."""
    if chunk.step == "safety" and planning.request.safety_level == "off":
        return "safety_level is off"
    if chunk.step == "translation" and all(config.wants != "en" for config in planning.configs):
        return "no chosen output wants English"
    return ""
