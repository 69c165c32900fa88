"""The interface of a kind of stage: it checks a definition, plans its part of a run, runs and describes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from devserver.briefs.briefing import Briefing
from devserver.files.inputs import InputFiles
from devserver.model.plan import StagePlan
from devserver.model.request import ExecuteRequest
from devserver.model.results import StageResult
from devserver.stages.inputs import Inputs
from devserver.stages.walk import Walk
from schemas.catalog import Catalog
from schemas.known import Definitions
from schemas.model import OutputConfig
from schemas.pipeline import Pipeline, Reference, Stage
from schemas.pipeline_rules import StageRules, Ways
from schemas.rules import Finding

Step = tuple[StagePlan, ...]  # stages that are independent of each other and run side by side


@dataclass
class Planning:
    """A request on its way to a plan.

    Attributes:
        configs: the output configs that were asked for, in their order.
        briefings: what the words of the request say of each of them.
        steps: what is planned so far.
    """

    request: ExecuteRequest
    catalog: Catalog
    pipeline: Pipeline
    configs: list[OutputConfig]
    briefings: list[Briefing | None]
    files: InputFiles
    seed: int
    steps: list[Step] = field(default_factory=list)

    def numbers_of(self, stage: Stage) -> range:
        """Return for which of the outputs a stage is run, each counted from 1."""
        return range(1, len(self.configs) + 1) if stage.name in self.pipeline.repeated else range(1, 2)

    def name_of(self, stage: str, number: int) -> str:
        """Return the name that a stage has in the run where it is run for one of several outputs."""
        return f"{stage}_{number}" if number > 1 and stage in self.pipeline.repeated else stage

    def inputs_of(self, stage: Stage, number: int) -> dict[str, Reference]:
        """Return what a stage reads where it is run for one of several outputs."""
        return {
            name: reference.model_copy(update={"stage": self.name_of(reference.stage, number)})
            for name, reference in stage.inputs.items()
        }

    def planned(self, name: str) -> StagePlan:
        """Return a stage that is planned already, by its name in the run."""
        return next(stage for step in self.steps for stage in step if stage.name == name)

    def params_of(self, name: str) -> dict[str, Any]:
        """Return the values that the request gives to one stage alone, as `stage.parameter`."""
        prefix = f"{name}."
        params = self.request.params.items()
        return {key.removeprefix(prefix): value for key, value in params if key.startswith(prefix)}

    @property
    def plain_params(self) -> dict[str, Any]:
        """The values that the request gives without the name of a stage."""
        return {key: value for key, value in self.request.params.items() if "." not in key}


class StageKind(StageRules, ABC):
    """One kind of stage. `name` is what a pipeline calls it.

    Attributes:
        counts_stops: whether a server that dies while such a stage runs counts as one that died of it.
    """

    name: ClassVar[str]
    counts_stops: ClassVar[bool] = True

    @abstractmethod
    def check(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
        """Find what is wrong with a stage in a definition; the paths begin at the stage."""

    @abstractmethod
    def makes(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Ways:
        """Return what later stages may read from it; nothing where that is not known."""

    @abstractmethod
    def plan(self, stage: Stage, planning: Planning) -> Iterator[Step]:
        """Decide everything that is random or left to a default.

        Raises:
            InputError: the request gives a value that is not allowed.
        """

    def parameters(self, stage: Stage, planning: Planning) -> Mapping[str, bool]:
        """Return which `params` a request may give, and for each whether it may leave out the stage's name."""
        del stage, planning
        return {}

    @abstractmethod
    async def run(self, walk: Walk, stage: StagePlan, inputs: Inputs) -> StageResult:
        """Do a stage's work. After a restart it is called again: what is finished must be skipped.

        Raises:
            StageError: the stage fails, and the run with it; Blocked where the text may not go on.
        """
