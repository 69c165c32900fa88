"""The rules of a pipeline: every stage by its kind, and what each hands on to the later ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from schemas.errors import hint
from schemas.file_inputs import accepted_media
from schemas.known import Definitions
from schemas.model import OUTPUT_CHUNK, GraphChunk, Media, Parameter
from schemas.pipeline import DescribedStage, Pipeline, Reference, Stage
from schemas.rules import Finding, value_findings


@dataclass(frozen=True)
class Product:
    """Something that a stage hands on: its text, or files of a role. Where `name` is "" the files bring their own."""

    role: str
    media: Media | None = None
    name: str = ""


Ways = Mapping[str, tuple[Product, ...]]  # the products of a stage, by the chunk that it may run


class StageRules(Protocol):
    """The rules of a kind of stage."""

    def check(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
        """Find the faults of a stage; the paths begin at the stage."""
        ...

    def makes(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Ways:
        """Return what later stages may read from it; nothing where that is not known."""
        ...

    def describe(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> DescribedStage:
        """Describe a stage for a page or another program; the definitions have no node tables here."""
        made = chain.from_iterable(self.makes(stage, pipeline, definitions).values())
        addresses = tuple(dict.fromkeys(_address(stage.name, one) for one in made))
        written = {**stage.model_dump(mode="json"), "takes": pipeline.takes_of(stage)}
        return DescribedStage.model_validate({**written, "makes": addresses})


class TextRules(StageRules):
    """A stage of kind `text` runs a text chunk over the run's text."""

    def check(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
        del pipeline
        if stage.takes not in (None, 1):
            yield ("takes",), "only a graph stage has more than one take"
        for field in ("inputs", "values", "settings"):
            if getattr(stage, field):
                yield (field,), "a text stage has none: it reads the run's text"
        if stage.chunk == OUTPUT_CHUNK:
            yield ("kind",), f"a stage with the chunk {OUTPUT_CHUNK} is of kind graph"
        else:
            yield from _chunk_findings(stage, definitions)

    def makes(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Ways:
        del pipeline, definitions
        return {stage.chunk: (Product("text"),)}


class GraphRules(StageRules):
    """A stage of kind `graph` runs the chunk of the output config, or one of its own with `inputs` and `values`."""

    def check(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
        if stage.settings:
            yield ("settings",), "a graph stage has none: use values for the parameters of its chunk"
        yield from _take_findings(stage, pipeline)
        if stage.chunk == OUTPUT_CHUNK:
            if stage.values:
                yield ("values",), f"the values of the chunk {OUTPUT_CHUNK} are those of the output config"
        else:
            yield from _chunk_findings(stage, definitions)
        chunks = graph_chunks(stage, pipeline, definitions)
        for chunk in chunks:
            for name in stage.inputs:
                if name not in chunk.parameters:
                    known = hint(name, chunk.parameters)
                    yield ("inputs", name), f"chunk {chunk.name} has no parameter {name}; {known}"
                elif name in stage.values:
                    yield ("inputs", name), "has a value too; leave one of them out"
            if stage.chunk != OUTPUT_CHUNK:
                yield from value_findings(stage.values, ("values",), chunk)
                yield from _required_findings(stage, chunk)

    def makes(self, stage: Stage, pipeline: Pipeline, definitions: Definitions) -> Ways:
        chunks = graph_chunks(stage, pipeline, definitions)
        return {chunk.name: tuple(Product(o.role, o.media, o.name or "") for o in chunk.outputs) for chunk in chunks}


RULES: Mapping[str, StageRules] = {"text": TextRules(), "graph": GraphRules()}


def graph_chunks(stage: Stage, pipeline: Pipeline, definitions: Definitions) -> list[GraphChunk]:
    """Return the chunks that a graph stage may run: its own, or those of the output configs of its pipeline."""
    names = [stage.chunk]
    if stage.chunk == OUTPUT_CHUNK:
        configs = [config for config in definitions.outputs.values() if config.pipeline == pipeline.name]
        names = [name for config in configs for name in (config.chunk, *config.variants)]
    chunks = (definitions.chunks.get(name) for name in dict.fromkeys(names))
    return [chunk for chunk in chunks if isinstance(chunk, GraphChunk)]


def pipeline_findings(
    pipeline: Pipeline, definitions: Definitions, rules: Mapping[str, StageRules] = RULES
) -> Iterator[Finding]:
    """Find the faults of a pipeline; `rules` are those of the known kinds of stages."""
    checked = _Checked(pipeline, definitions, rules)
    names = [stage.name for stage in pipeline.stages]
    for index, stage in enumerate(pipeline.stages):
        if stage.name in names[:index]:
            yield ("stages", index, "name"), f"another stage is named {stage.name}"
        elif copied := _copied_name(stage.name, names):
            yield ("stages", index, "name"), f"{stage.name} is the name of a further output of the stage {copied}"
        if stage.kind not in rules:
            yield ("stages", index, "kind"), f"there is no kind of stage named {stage.kind}; {hint(stage.kind, rules)}"
            continue
        for path, message in rules[stage.kind].check(stage, pipeline, definitions):
            yield ("stages", index, *path), message
        for name, reference in stage.inputs.items():
            for message in checked.input_faults(index, name, reference):
                yield ("stages", index, "inputs", name), message
    yield from unrunnable_findings(pipeline)
    yield from checked.main_findings()
    yield from _default_findings(pipeline, definitions)


def unrunnable_findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Find stages that cannot be run, whatever the other definitions say."""
    runs_config = [index for index, stage in enumerate(pipeline.stages) if stage.chunk == OUTPUT_CHUNK]
    for index in runs_config[1:]:
        message = f"another stage has the chunk {OUTPUT_CHUNK}; give this one a chunk of its own"
        yield ("stages", index, "chunk"), message


def _default_findings(pipeline: Pipeline, definitions: Definitions) -> Iterator[Finding]:
    message = definitions.describe_unknown_default(
        "interception", pipeline.defaults.interception, definitions.interceptions
    )
    if message:
        yield ("defaults", "schema"), message
    default = pipeline.defaults.output_config
    if (pipeline.output_stage is None) != (default is None):
        yield ("defaults", "output_config"), f"is needed where a stage has the chunk {OUTPUT_CHUNK}, and only there"
    message = definitions.describe_unknown_default("output", default, definitions.outputs) if default else None
    if message:
        yield ("defaults", "output_config"), message


def _copied_name(name: str, names: list[str]) -> str:
    """Return the stage whose second, third or further output has the name, if there is one."""
    match = re.fullmatch(r"(.+)_[0-9]+", name)
    return match[1] if match and match[1] in names else ""


def _chunk_findings(stage: Stage, definitions: Definitions) -> Iterator[Finding]:
    message = definitions.describe_unknown("chunk", stage.chunk, definitions.chunks)
    chunk = definitions.chunks.get(stage.chunk)
    if message:
        yield ("chunk",), message
    elif chunk and chunk.kind != stage.kind:
        yield ("kind",), f"chunk {stage.chunk} is of kind {chunk.kind}, not {stage.kind}"


def _take_findings(stage: Stage, pipeline: Pipeline) -> Iterator[Finding]:
    """Find takes that do not follow those of the stages that this one reads from."""
    sources = {reference.stage for reference in stage.inputs.values()} - {stage.name}
    counts = {other.name: pipeline.takes_of(other) for other in pipeline.stages if other.name in sources}
    several = {name: count for name, count in counts.items() if count > 1}
    for name, count in several.items():
        if stage.takes not in (None, count):
            yield ("takes",), f"must be {count}, as many as the stage {name} has, or left out; not {stage.takes}"
    if stage.takes is None and len(set(several.values())) > 1:
        differing = " and ".join(f"{name} has {count}" for name, count in several.items())
        yield ("inputs",), f"the stages that it reads from have different numbers of takes: {differing}"


def _required_findings(stage: Stage, chunk: GraphChunk) -> Iterator[Finding]:
    for name, parameter in chunk.parameters.items():
        given = name in stage.inputs or stage.values.get(name) is not None
        if not given and parameter.default is None and parameter.type != "seed":
            yield (), f"parameter {name} of chunk {chunk.name} has no default: add it to inputs or values"


@dataclass(frozen=True)
class _Checked:
    """A pipeline among the other definitions, with the rules of its stages."""

    pipeline: Pipeline
    definitions: Definitions
    rules: Mapping[str, StageRules]

    def makes(self, stage: Stage) -> Ways:
        rules = self.rules.get(stage.kind)
        return rules.makes(stage, self.pipeline, self.definitions) if rules else {}

    def main_findings(self) -> Iterator[Finding]:
        stages = {stage.name: stage for stage in self.pipeline.stages}
        for index, name in enumerate(self.pipeline.main):
            if name not in stages:
                yield ("main", index), f"there is no stage named {name}; {hint(name, stages)}"
            elif name in self.pipeline.main[:index]:
                yield ("main", index), f"{name} is named twice"
            else:
                for chunk, made in self.makes(stages[name]).items():
                    if not any(one.role == "main" for one in made):
                        yield ("main", index), f"chunk {chunk} of the stage {name} has no output with the role main"

    def input_faults(self, index: int, name: str, reference: Reference) -> Iterator[str]:
        """Find the faults of the values that a stage's parameters get from earlier stages."""
        stages = {stage.name: at for at, stage in enumerate(self.pipeline.stages)}
        stage, at = self.pipeline.stages[index], stages.get(reference.stage)
        if at is None:
            yield f"there is no stage named {reference.stage}; {hint(reference.stage, list(stages)[:index])}"
            return
        if at >= index:
            yield f"the stage {reference.stage} does not come before {stage.name}"
            return
        for chunk, made in self.makes(self.pipeline.stages[at]).items():
            fitting = [one for one in made if _fits(reference, one)]
            if not fitting:
                known = ", ".join(dict.fromkeys(_address(reference.stage, one) for one in made))
                yield f"chunk {chunk} of the stage {reference.stage} makes no {reference}; it makes {known}"
            elif len(fitting) > 1:
                known = ", ".join(_address(reference.stage, one) for one in fitting)
                yield f"several files are {reference}; name one of them: {known}"
            else:
                targets = graph_chunks(stage, self.pipeline, self.definitions)
                for target in (target for target in targets if name in target.parameters):
                    taken = accepted_media(target.parameters[name], self.definitions.graphs.get(target.graph, {}))
                    yield from _media_faults(target.parameters[name], reference, fitting[0], taken)


def _fits(reference: Reference, made: Product) -> bool:
    return reference.role == made.role and (reference.name is None or not made.name or reference.name == made.name)


def _address(stage: str, made: Product) -> str:
    return ".".join(part for part in (stage, made.role, made.name) if part)


def _media_faults(parameter: Parameter, reference: Reference, made: Product, taken: Sequence[Media]) -> Iterator[str]:
    if made.media is None and parameter.type not in ("text", "string"):
        yield f"{reference} is a text, but parameter {parameter.name} is of type {parameter.type}"
    elif made.media is not None and parameter.type != "file":
        yield f"{reference} is a file, but parameter {parameter.name} is of type {parameter.type}"
    elif made.media is not None and taken and made.media not in taken:
        yield f"{reference} is of medium {made.media}, but parameter {parameter.name} takes {' or '.join(taken)}"
