"""The definitions as typed, frozen objects: chunks, pipelines, interception configs and output configs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SkipValidation,
    StrictBool,
    StrictInt,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from schemas.errors import ParameterError
from schemas.json_values import Json
from schemas.text_rules import Rule
from schemas.values import ParameterType, ParameterValue, ValueProblem, ValueRule, is_random

Media = Literal["audio", "video", "image", "file"]
Role = Literal["main", "take", "stem", "mix", "video", "cover", "midi", "peaks", "data", "format"]
Level = Literal["off", "adult", "youth", "kids"]
LEVELS: tuple[Level, ...] = ("off", "adult", "youth", "kids")  # from the laxest to the strictest
OUTPUT_CHUNK = "$output"
NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]*$"


def _node_id(value: object) -> object:
    return str(value) if type(value) is int else value


def _target(value: object) -> object:
    """Read the short form "17.seconds"; an input's own name may hold dots, a node's id may not."""
    if isinstance(value, str) and "." in value:
        node, _, name = value.partition(".")
        return {"node": node, "input": name}
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be a number; not {value!r}")  # noqa: TRY004  pydantic reads ValueError alone
    if not math.isfinite(value):
        raise ValueError(f"must be a finite number; not {value!r}")
    return value


def _choice(value: object) -> str | float:
    return value if isinstance(value, str) else _number(value)


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
NodeId = Annotated[str, BeforeValidator(_node_id), Field(min_length=1)]
Number = Annotated[float, PlainValidator(_number)]  # a whole number stays an int
Term = Annotated[str, Field(pattern=r"^[=-]?\w.*$")]
# As it is written; what a parameter allows is looked at where its chunk is known.
Written = Annotated[Json, SkipValidation, WithJsonSchema({})]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Text(Frozen):
    """A text for people, in every language of the page."""

    en: Annotated[str, Field(min_length=1)]
    de: Annotated[str, Field(min_length=1)]


class Target(Frozen):
    """One input of one node of the graph."""

    node: NodeId
    input: Annotated[str, Field(min_length=1)]


class Parameter(Frozen):
    """One value of a chunk that a config or a request may set, and the node inputs that it goes to.

    `writes` says what the node calls a choice, where that is another word.
    """

    name: Name
    type: ParameterType
    description: Text
    unit: str = ""
    min: Number | None = None
    max: Number | None = None
    step: Annotated[Number, Field(gt=0)] | None = None
    choices: tuple[Annotated[str | int | float, PlainValidator(_choice)], ...] = ()
    writes: dict[str, Annotated[str | int | float, PlainValidator(_choice)]] = {}
    default: ParameterValue | None = None
    sets: Annotated[tuple[Annotated[Target, BeforeValidator(_target)], ...], Field(min_length=1)]

    @field_validator("max")
    @classmethod
    def _max_above_min(cls, value: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("min")
        if value is not None and low is not None and value < low:
            raise ValueError(f"{value} is below min {low}")
        return value

    @field_validator("default", mode="plain")
    @classmethod
    def _default_allowed(cls, value: object, info: ValidationInfo) -> object:
        data = info.data
        if value is None or not {"type", "min", "max", "choices"} <= data.keys():
            return value  # the fields that decide are wrong themselves, and reported
        if (data["type"] == "seed" and is_random(value)) or (data["type"] == "choice" and not data["choices"]):
            return value
        return ValueRule(data["type"], data["min"], data["max"], data["choices"], data.get("unit", "")).read(value)

    @model_validator(mode="after")
    def _range_fits_type(self) -> Parameter:
        numeric = self.type in ("int", "float")
        if numeric and (self.min is None or self.max is None):
            raise ValueError(f"a parameter of type {self.type} needs min and max")
        if not numeric and self.type != "seed" and not (self.min is None and self.max is None and self.step is None):
            raise ValueError(f"a parameter of type {self.type} has no min, max or step")
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to a parameter of type choice, and it needs them")
        if not self.writes.keys() <= set(self.choices):
            raise ValueError("writes says for some of the choices what the node calls them")
        return self

    @property
    def rule(self) -> ValueRule:
        return ValueRule(self.type, self.min, self.max, self.choices, self.unit)

    def read(self, value: object) -> ParameterValue:
        """Return the value in its stored form; ParameterError, which names the parameter, if it is not allowed."""
        try:
            return self.rule.read(value)
        except ValueProblem as e:
            raise ParameterError(self.name, value, e.allowed, f"{self.name} {e}") from e


class Verify(Frozen):
    """The conditions that an output file must meet."""

    min_seconds: Annotated[Number, Field(ge=0)] = 0.1
    silence: Literal["refuse", "allow"] = "refuse"


class Output(Frozen):
    """The files of one save node of the graph, and their role in the run.

    `key` is the list of the node's result that names the files (`stems`); without one they are all that no other output
    takes. A file that the result gives a `name` keeps it as the entity's. `format` is an extension, or "$" and the
    name of the parameter that chooses it. Of an optional output there may be no file.
    """

    node: NodeId
    key: Annotated[str, Field(min_length=1)] | None = None
    media: Media
    format: Annotated[str, Field(pattern=r"^(\$[a-z0-9][a-z0-9_-]*|[a-z0-9]+)$")]
    role: Role = "main"
    name: Name | None = None
    optional: StrictBool = False
    verify: Verify = Verify()

    @property
    def format_parameter(self) -> str | None:
        """Return the parameter that chooses the format, where one does."""
        return self.format[1:] if self.format.startswith("$") else None


class ModelFile(Frozen):
    """A model that the graph loads, named as its publisher does; `folder` is ComfyUI's below models/."""

    node: NodeId
    input: Annotated[str, Field(min_length=1)]
    file: Annotated[str, Field(min_length=1)]
    folder: Annotated[str, Field(min_length=1)]


def _fill_names(value: object) -> object:
    """Give each entry of a mapping its key as name, so that it need not be written twice."""
    if isinstance(value, dict):
        return {key: {**entry, "name": key} if isinstance(entry, dict) else entry for key, entry in value.items()}
    return value


class GraphChunk(Frozen):
    """A graph template with typed parameters.

    `table` names the node table that is looked at before all others: of a node pack that another one contradicts, or of
    a newer ComfyUI.
    """

    name: Name
    kind: Literal["graph"]
    description: Text
    graph: Name
    table: Name | None = None
    parameters: Annotated[dict[str, Parameter], BeforeValidator(_fill_names)] = {}
    models: tuple[ModelFile, ...] = ()
    outputs: Annotated[tuple[Output, ...], Field(min_length=1)]

    @property
    def main(self) -> Output | None:
        """Return the product of the chunk: its main output, or its cover picture."""
        return next((o for role in ("main", "cover") for o in self.outputs if o.role == role), None)

    def formats(self, output: Output) -> tuple[str, ...]:
        """Return the formats that an output may have, the usual one first."""
        if output.format_parameter is None:
            return (output.format,)
        parameter = self.parameters[output.format_parameter]
        choices = [str(choice) for choice in parameter.choices]
        return tuple(sorted(choices, key=lambda choice: choice != parameter.default))

    def files_of(self, output: Output) -> Callable[[str, str], bool]:
        """Tell whether a file that a node (by its id) listed under a key is one of the output's."""
        taken = {other.key for other in self.outputs if other.node == output.node and other.key}
        if output.key is not None:
            return lambda node, key: (node, key) == (output.node, output.key)
        return lambda node, key: node == output.node and key not in taken

    @property
    def seeds(self) -> tuple[str, ...]:
        return tuple(name for name, parameter in self.parameters.items() if parameter.type == "seed")


class LlmRule(Frozen):
    """The instruction for a language model; used in place of the rule if a model is configured."""

    instruction: Annotated[str, Field(min_length=1)]
    temperature: Annotated[Number, Field(ge=0, le=2)] = 0.8


class TextChunk(Frozen):
    """A step over text: a safety check, the interception that a config describes, or a translation into English.

    `llm` is the instruction for a language model; a safety check by one runs beside that by terms, if the settings ask
    for it. At the levels of `fail_closed` a check that was asked for and could not be made blocks.
    """

    name: Name
    kind: Literal["text"]
    description: Text
    step: Literal["safety", "interception", "translation"]
    llm: LlmRule | None = None
    fail_closed: tuple[Literal["adult", "youth", "kids"], ...] = ()

    @model_validator(mode="after")
    def _fields_fit_step(self) -> TextChunk:
        if self.fail_closed and (self.step != "safety" or self.llm is None):
            raise ValueError("fail_closed belongs to a chunk with step safety and an instruction for its check (llm)")
        if self.step == "translation" and self.llm is None:
            raise ValueError("a chunk with step translation needs an instruction (llm)")
        if self.step == "interception" and self.llm is not None:
            raise ValueError("the instruction of an interception belongs to its config")
        return self


class TermList(Frozen):
    """The terms of one category in one language that the safety levels block, written as `schemas/lexicon.py` says.

    A level blocks its own terms and those of every laxer one. `innocent` holds what contains a term and means no harm.
    """

    name: Name
    category: Name
    language: Literal["en", "de", "any"]
    label: Text
    terms: dict[Literal["adult", "youth", "kids"], tuple[Term, ...]]
    innocent: tuple[Term, ...] = ()


Chunk = GraphChunk | TextChunk


class InterceptionConfig(Frozen):
    """How the text is transformed; the request's `schema`."""

    name: Name
    label: Text
    description: Text
    rule: Rule
    llm: LlmRule | None = None


class Hints(Frozen):
    """What a run on a usual machine needs; for people and for the first estimate, never a limit."""

    vram_mb: Annotated[StrictInt, Field(ge=0)] = 0
    seconds: Annotated[Number, Field(ge=0)] = 0


class OutputConfig(Frozen):
    """Which chunk makes the media, with which values; the request's `output_config`.

    `variants` are chunks that make the same in another way (another node pack), tried in order after `chunk` and before
    the fallback. `presets` are values by name that a request may ask for; they are stronger than `values`. With
    `wants: en` the run's text is translated.
    """

    name: Name
    label: Text
    description: Text
    pipeline: Name
    chunk: Name
    variants: tuple[Name, ...] = ()
    values: dict[str, Written] = {}
    presets: dict[Name, dict[str, Written]] = {}
    fallback: Name | None = None
    remote: StrictBool = False
    wants: Literal["en"] | None = None
    run_timeout_s: Annotated[Number, Field(gt=0)]
    hints: Hints = Hints()

    def values_with(self, preset: str | None) -> dict[str, Written]:
        """Return the values under a preset; an unknown one changes nothing."""
        return {**self.values, **self.presets.get(preset or "", {})}
