"""A pipeline: its stages in order, and what each hands on to the later ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from schemas.model import OUTPUT_CHUNK, Frozen, Name, Role, Text, Written


def _reference(value: object) -> object:
    """Read the short form "generation.main" or "parts.stem.drums"."""
    if not isinstance(value, str):
        return value
    stage, _, rest = value.partition(".")
    role, _, name = rest.partition(".")
    if not rest or (role == "text" and name):
        raise ValueError("must be stage.text, stage.role or stage.role.name")
    return {"stage": stage, "role": role, "name": name or None}


class Reference(Frozen):
    """What an earlier stage made: its text, or a file by its role and, where there are several of that role, its name.

    Written `stage.text`, `stage.main` or `stage.stem.drums`.
    """

    stage: Name
    role: Literal["text", Role]
    name: Name | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.stage, self.role, self.name) if part)


WRITTEN_REFERENCE = {
    "type": "string",
    "pattern": r"^[^.]+\.[^.]+(\.[^.]+)?$",
    "description": "stage.text, stage.role or stage.role.name, as generation.main",
}
Input = Annotated[Reference, BeforeValidator(_reference), PlainSerializer(str), WithJsonSchema(WRITTEN_REFERENCE)]


class Stage(Frozen):
    """One step of a pipeline.

    `chunk` is a chunk's name, "$output" for the output config's chunk, or "" where the kind of stage needs none.
    `inputs` gives the parameters of the chunk what earlier stages made, `values` gives them fixed values. `settings`
    belong to the kind. A stage without `takes` has as many as the stages that it reads from.
    """

    name: Name
    kind: Name
    chunk: str = ""
    takes: Annotated[StrictInt, Field(ge=1, le=16)] | None = None
    inputs: dict[str, Input] = Field({})
    values: dict[str, Written] = Field({})
    settings: dict[str, Written] = Field({})


class DescribedStage(Stage):
    """A stage as others read it: with the number of its takes, and what later stages may read from it."""

    makes: tuple[str, ...] = Field((), description="`stage.text`, `stage.role` or `stage.role.name`")


class Defaults(Frozen):
    """What a request gets that does not say it; `schema` in YAML and HTTP is `interception` here."""

    interception: Name = Field(alias="schema")
    output_config: Name | None = None


class Pipeline(Frozen):
    """Stages in order. `main` names the stages that make what the run is for: the first of them that was made."""

    name: Name
    label: Text
    description: Text
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    main: tuple[Name, ...] = ()
    defaults: Defaults

    @property
    def output_stage(self) -> Stage | None:
        """Return the stage that runs the output config's chunk, where there is one."""
        return next((stage for stage in self.stages if stage.chunk == OUTPUT_CHUNK), None)

    @property
    def repeated(self) -> frozenset[str]:
        """Return the stages that run once for each output config: the one of the config, and all that read from it."""
        names: set[str] = set()
        for stage in self.stages:
            if stage.chunk == OUTPUT_CHUNK or names & {reference.stage for reference in stage.inputs.values()}:
                names.add(stage.name)
        return frozenset(names)

    def takes_of(self, stage: Stage) -> int:
        """Return the number of takes of a stage: its own, else that of the stages that it reads from."""
        sources = {reference.stage for reference in stage.inputs.values()}
        before = self.stages[: self.stages.index(stage)]
        several = [count for other in before if other.name in sources and (count := self.takes_of(other)) > 1]
        return stage.takes or max(several, default=1)
