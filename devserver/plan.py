"""A run's plan: everything that was random or defaulted, decided when the run was accepted."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SkipValidation

from devserver.runs.results import StageResult
from schemas.graph import Graph
from schemas.model import GraphChunk, InterceptionConfig, Level, TextChunk
from schemas.values import RecordedValue

# What a field of a brief says, or a parameter is given for it.
BriefValue: TypeAlias = str | int | float | bool | list[str] | None


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Definition(_Frozen):
    """One definition as it stood when the run was accepted."""

    kind: str
    name: str
    file: str
    sha256: str
    content: dict[str, object]


class Applied(_Frozen):
    """What a field of the brief became: the parameter that has it, and the value `used` for the one `asked` for.

    Nothing is used where `used` is None; `message` says why it is another value, or none.
    """

    field: str
    parameter: str | None
    asked: BriefValue
    used: BriefValue
    origin: str
    message: str = ""


class InputRemark(_Frozen):
    """Something doubtful about a file that the request gave to a parameter."""

    parameter: str
    code: str
    message: str


class Option(_Frozen):
    """One way to make an output: the config that was asked for, or one of its fallbacks.

    `chunk` is the config's own or one of its variants. `takes` holds every parameter's value for each take; `left_out`
    names requested parameters that it lacks; `preset` is the asked one where the config has it; `brief` is what its
    values have from the request's words; `inputs` is what is doubtful about the files that it was given. `at_home`
    prefers the embedded backend: the files are here.
    """

    config: str
    chunk: GraphChunk
    graph: Annotated[Graph, SkipValidation]
    takes: tuple[dict[str, RecordedValue], ...]
    left_out: tuple[str, ...] = ()
    preset: str = ""
    brief: tuple[Applied, ...] = ()
    inputs: tuple[InputRemark, ...] = ()
    at_home: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What an earlier attempt wrote down of it: the names of the config and of the chunk."""
        return self.config, self.chunk.name


class OutputPlan(_Frozen):
    """What a graph stage has to make, the asked config first; `brief` is what the text that describes it says."""

    config: str
    options: tuple[Option, ...]
    fallback: bool
    run_timeout_s: float
    brief: dict[str, object] | None = None


class StagePlan(_Frozen):
    """One stage of the run, with all that it needs; `source` is the stage whose main files it makes others from."""

    name: str
    kind: Literal["text", "graph"]
    text: TextChunk | None = None
    output: OutputPlan | None = None
    skip: str = ""
    source: str = ""


def _as_json(recorded: dict[str, StageResult]) -> dict[str, dict[str, object]]:
    return {stage: result.as_json() for stage, result in recorded.items()}


class Plan(_Frozen):
    """The whole run. Stages in one step are independent of each other and run side by side."""

    run_id: str
    user_id: str
    created_at: str
    title: str
    request: dict[str, object]
    schema_: str = Field(alias="schema")
    pipeline: str
    input_text: str
    interception: InterceptionConfig
    safety_level: Level
    execution_mode: str
    preset: str | None = None
    seed: int
    priority: int = 0
    steps: tuple[tuple[StagePlan, ...], ...]
    numbers: dict[str, int]
    definitions: tuple[Definition, ...]
    recorded: Annotated[dict[str, StageResult], PlainSerializer(_as_json)] = {}
    rerun_of: str | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        return tuple(stage for step in self.steps for stage in step)

    @property
    def outputs(self) -> tuple[OutputPlan, ...]:
        """What was asked for; not what is made from that in other formats."""
        return tuple(stage.output for stage in self.stages if stage.output and not stage.source)

    @property
    def fallback(self) -> bool:
        """Whether the request allows something else than what was asked for."""
        return self.request.get("fallback", True) is not False

    @property
    def main_stage(self) -> str:
        """The first stage that makes media: its compiled graph is `06_graph.json`, its main output number 07."""
        return next((stage.name for stage in self.stages if stage.output), "")


@lru_cache(maxsize=64)
def read_plan(text: str) -> Plan:
    """The plan that a run's row holds. It never changes, and a run's walk, record and answer all read it."""
    return Plan.model_validate_json(text)
