"""Definitions as a page or another program reads them in lists: every field is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.catalog import Catalog
from schemas.file_inputs import accepted_media
from schemas.graph import Graph
from schemas.json_values import JsonObject
from schemas.known import Definitions
from schemas.model import (
    GraphChunk,
    Hints,
    LlmRule,
    Media,
    Output,
    OutputConfig,
    Parameter,
    Text,
    Written,
)
from schemas.pipeline import DescribedStage, Pipeline
from schemas.pipeline_rules import RULES, StageRules
from schemas.text_rules import Rule
from schemas.values import PLACEHOLDERS, ParameterType, ParameterValue, PlaceholderName, is_random


class Description(BaseModel):
    model_config = ConfigDict(frozen=True)


class DescribedInterception(Description):
    """One `schema` of a request."""

    name: str
    label: Text
    description: Text
    rule: Rule = Field(description="how a text is rewritten without a language model")
    llm: LlmRule | None = Field(description="the instruction of a language model, used instead of the rule")


class DescribedParameter(Description):
    """One value that a request may set."""

    name: str
    type: ParameterType
    description: Text
    unit: str
    min: float | int | None
    max: float | int | None
    step: float | int | None
    choices: tuple[str | int | float, ...]
    accepts: tuple[Media, ...] = Field((), description="of a file: the media that it may be; none where any may")
    default: ParameterValue | None
    source: PlaceholderName | None = Field(
        alias="from", description="the run's text that fills it where a request does not; then there is no default"
    )
    required: bool


class DescribedModel(Description):
    """A model file that a graph loads, by its publisher's name, below ComfyUI's models/."""

    file: str
    folder: str


class DescribedTextChunk(Description):
    """A step over text."""

    name: str
    kind: Literal["text"]
    description: Text
    step: str


class DescribedGraphChunk(Description):
    """A step that runs a graph."""

    name: str
    kind: Literal["graph"]
    description: Text
    parameters: tuple[DescribedParameter, ...]
    outputs: tuple[Output, ...]
    models: tuple[DescribedModel, ...]


class DescribedOutput(Description):
    """One `output_config` of a request, its parameters with the config's own defaults."""

    name: str
    label: Text
    description: Text
    pipeline: str
    chunk: str
    variants: tuple[str, ...]
    presets: dict[str, dict[str, Written]] = Field(description="values by name that a request may ask for")
    fallback: str | None = Field(description="the output config that is used if no backend can make this one")
    remote: bool = Field(description="whether it is made on somebody else's machine")
    wants: Literal["en"] | None = Field(description="the language into which the run's text is translated")
    run_timeout_s: float | int
    hints: Hints
    media: Media | None = Field(description="the medium of its output")
    formats: tuple[str, ...] = Field(description="the formats that a request may ask for, the usual one first")
    parameters: tuple[DescribedParameter, ...]
    outputs: tuple[Output, ...]
    models: tuple[DescribedModel, ...]
    backend: JsonObject | None = Field(
        None, description="whether the requested backend can run it, and what it lacks if not"
    )


class DescribedPipeline(Pipeline):
    """One `pipeline` of a request."""

    stages: Annotated[tuple[DescribedStage, ...], Field(min_length=1)]


def describe_interception(catalog: Catalog, name: str) -> DescribedInterception:
    """Describe one `schema` of a request. UnknownName if there is none."""
    config = catalog.interception(name)
    fields = config.model_dump(mode="json", include={"label", "description", "rule", "llm"})
    return DescribedInterception(name=name, **fields)


def describe_pipeline(catalog: Catalog, name: str, kinds: Mapping[str, StageRules] = RULES) -> DescribedPipeline:
    """Describe a pipeline with its stages, each as its kind describes it. UnknownName if there is none."""
    pipeline = catalog.pipeline(name)
    definitions = Definitions(
        catalog.chunks, catalog.pipelines, catalog.interceptions, catalog.outputs, catalog.graphs, tables={}
    )
    stages = [kinds[stage.kind].describe(stage, pipeline, definitions) for stage in pipeline.stages]
    return DescribedPipeline.model_validate({**pipeline.model_dump(mode="json", by_alias=True), "stages": stages})


def describe_chunk(catalog: Catalog, name: str) -> DescribedTextChunk | DescribedGraphChunk:
    """Describe a chunk: a text chunk's step, or a graph chunk's parameters, outputs and models. UnknownName if none."""
    chunk = catalog.chunk(name)
    if isinstance(chunk, GraphChunk):
        about = {"name": name, "kind": chunk.kind, "description": chunk.description}
        return DescribedGraphChunk.model_validate({**about, **_of_graph(catalog, chunk, None)})
    return DescribedTextChunk(name=name, kind=chunk.kind, description=chunk.description, step=chunk.step)


def describe_output(catalog: Catalog, name: str) -> DescribedOutput:
    """Describe one `output_config` of a request. UnknownName if there is none."""
    config = catalog.output(name)
    chunk = catalog.chunk_of(name)
    main = chunk.main
    include = {"label", "description", "pipeline", "chunk", "fallback", "remote", "run_timeout_s", "hints"}
    include |= {"variants", "presets", "wants"}
    return DescribedOutput.model_validate(
        {
            "name": name,
            **config.model_dump(mode="json", include=include),
            "media": main.media if main else None,
            "formats": catalog.formats_of(name),
            **_of_graph(catalog, chunk, config),
        }
    )


def _of_graph(catalog: Catalog, chunk: GraphChunk, config: OutputConfig | None) -> dict[str, object]:
    graph = catalog.graphs[chunk.graph]
    return {
        "parameters": [_parameter(parameter, graph, config) for parameter in chunk.parameters.values()],
        "outputs": [output.model_dump(mode="json") for output in chunk.outputs],
        "models": [DescribedModel(file=model.file, folder=model.folder) for model in chunk.models],
    }


def _parameter(parameter: Parameter, graph: Graph, config: OutputConfig | None) -> DescribedParameter:
    configured = config.values.get(parameter.name) if config else None
    source = PLACEHOLDERS.get(configured) if isinstance(configured, str) else None
    default = None if source else parameter.default if configured is None else configured
    bounds: dict[str, int] = {}
    if parameter.type == "seed":
        bounds = dict(zip(("min", "max"), parameter.rule.seed_range, strict=True))
        default = "random" if is_random(default) else default
    return DescribedParameter.model_validate(
        {
            **parameter.model_dump(mode="json", exclude={"sets", "default", "writes"}),
            **bounds,
            **({"accepts": accepted_media(parameter, graph)} if parameter.type == "file" else {}),
            "default": default,
            "from": source,
            "required": default is None and source is None,
        }
    )
