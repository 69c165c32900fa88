"""A run's plan: everything that was random or defaulted, decided when the run was accepted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializeAsAny,
    SkipValidation,
    model_validator,
)

from devserver.model.entity import Entity
from devserver.model.old_plans import modern
from devserver.model.results import StageResult
from schemas.graph import Graph
from schemas.model import GraphChunk, InterceptionConfig, Level
from schemas.pipeline import Input
from schemas.values import RecordedValue

PLANS_KEPT: Final = 64

# The value of a field of a brief, or of the parameter that gets it.
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
    """A field of the brief as it was applied: the parameter that has it, the value `asked` for and the one `used`.

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
        """The names of the config and of the chunk, as an attempt's row has them."""
        return self.config, self.chunk.name

    def values_of(self, take: int, changes: Mapping[str, RecordedValue] | None = None) -> dict[str, RecordedValue]:
        """Return the values of a take. One that was not planned has those of the first, with other seeds."""
        values = {**self.takes[min(take, len(self.takes)) - 1]}
        if take > len(self.takes):
            values = {**self.takes[0]}
            for name in self.chunk.seeds:
                low, high = self.chunk.parameters[name].rule.seed_range
                if isinstance(seed := values.get(name), int):
                    values[name] = low + (seed - low + take - 1) % (high - low + 1)
        return {**values, **{name: value for name, value in (changes or {}).items() if name in self.chunk.parameters}}


class OutputPlan(_Frozen):
    """The output of a stage: its ways to make it, the asked one first, and the `brief` of the text that describes it.

    `config` is the output config that was asked for, or the chunk of a stage that has one of its own. `number` counts
    the outputs of the request from 1: it is made for that one. `asked` tells the stage that makes what was asked for
    from those that make something for it or of it.
    """

    config: str
    options: tuple[Option, ...]
    fallback: bool
    run_timeout_s: float
    brief: dict[str, object] | None = None
    number: int = 1
    asked: bool = True

    @property
    def converts(self) -> bool:
        """It converts the file of another stage and makes nothing new."""
        return all(output.role == "format" for output in self.options[0].chunk.outputs)


class StagePlan(_Frozen):
    """One stage of the run, as its kind has decided it.

    Attributes:
        inputs: what the stage reads of earlier ones, by the name that it has for it.
        on_text: what it does to the run's text.
        skip: why it is left out in this run.
        work: what its kind needs besides, as JSON of a model of the kind's own.
    """

    name: str
    kind: str
    inputs: dict[str, Input] = {}
    on_text: Literal["", "checks", "changes"] = ""
    skip: str = ""
    work: dict[str, object] = {}


class MediaStage(StagePlan):
    """A stage that makes media at the backends, in one or several takes."""

    output: OutputPlan


def _read_stage(data: object) -> StagePlan:
    if isinstance(data, StagePlan):
        return data
    model = MediaStage if isinstance(data, dict) and "output" in data else StagePlan
    return model.model_validate(data)


Planned = Annotated[SerializeAsAny[StagePlan], PlainValidator(_read_stage)]


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
    backends: tuple[str, ...] = ()
    preset: str | None = None
    seed: int
    priority: int = 0
    steps: tuple[tuple[Planned, ...], ...]
    numbers: dict[str, int]
    main: tuple[str, ...] = ()
    definitions: tuple[Definition, ...]
    recorded: Annotated[dict[str, StageResult], PlainSerializer(_as_json)] = {}
    rerun_of: str | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def stages(self) -> tuple[StagePlan, ...]:
        return tuple(stage for step in self.steps for stage in step)

    @property
    def media(self) -> tuple[MediaStage, ...]:
        """The stages that make media."""
        return tuple(stage for stage in self.stages if isinstance(stage, MediaStage))

    @property
    def outputs(self) -> tuple[OutputPlan, ...]:
        """The outputs that the request asks for, without those made for or from them."""
        return tuple(stage.output for stage in self.media if stage.output.asked)

    @property
    def fallback(self) -> bool:
        """The request allows a fallback."""
        return self.request.get("fallback", True) is not False

    def number_of(self, stage: str, role: str) -> int:
        """Return the number of the files of a role; further takes that were not planned come after all others."""
        if (number := self.numbers.get(f"{stage}/{role}")) is not None:
            return number
        return max(self.numbers.values()) + 1 + [one.name for one in self.media].index(stage)

    @property
    def graph_stage(self) -> str:
        """The first stage that makes what was asked for: its compiled graph is `06_graph.json`."""
        return next((stage.name for stage in self.media if stage.output.asked), "")

    @property
    def main_stage(self) -> str:
        """The stage whose main file is to have the number 07."""
        return next((stage.name for stage in self.main_stages if not stage.skip), "")

    @property
    def main_stages(self) -> tuple[MediaStage, ...]:
        """The stages that make what the run is for: the first of them that was made is served."""
        named = sorted(
            (stage for stage in self.media if stage.name in self.main), key=lambda s: self.main.index(s.name)
        )
        return tuple(named) or tuple(stage for stage in self.media if stage.output.asked)[:1]

    def main_made(self, entities: Iterable[Entity]) -> str:
        """Return the first main stage that has made its main file, else the one that is to make it."""
        made = {entity.stage for entity in entities if entity.role == "main"}
        return next((stage.name for stage in self.main_stages if stage.name in made), self.main_stage)

    @model_validator(mode="before")
    @classmethod
    def _current_form(cls, data: object) -> object:
        """Read the plans of earlier versions."""
        return modern(data) if isinstance(data, dict) else data


class _Read:
    """The plans that were read or written last, by their JSON. A plan never changes, and all of a run reads it."""

    def __init__(self) -> None:
        self._plans = OrderedDict[str, Plan]()
        self._lock = Lock()

    def get(self, text: str) -> Plan | None:
        with self._lock:
            return self._plans.get(text)

    def keep(self, text: str, plan: Plan) -> None:
        with self._lock:
            self._plans[text] = plan
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)


_READ: Final = _Read()


def read_plan(text: str) -> Plan:
    """Read the plan of a run's row."""
    plan = _READ.get(text)
    if plan is None:
        plan = Plan.model_validate_json(text)
        _READ.keep(text, plan)
    return plan


def write_plan(plan: Plan) -> str:
    """Return a plan as a run's row holds it; `read_plan` need not read it again."""
    text = plan.model_dump_json(by_alias=True)
    _READ.keep(text, plan)
    return text
