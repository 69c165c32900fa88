"""Definitions as plain JSON, for the lists that a page or another program reads."""

from __future__ import annotations

from typing import Any

from schemas.catalog import Catalog
from schemas.file_inputs import accepts
from schemas.graph import Graph
from schemas.model import GraphChunk, OutputConfig, Parameter
from schemas.values import PLACEHOLDERS, is_random


def describe_interception(catalog: Catalog, name: str) -> dict[str, Any]:
    """One `schema` of a request: {name, label, description, rule, llm}. UnknownName if there is none."""
    config = catalog.interception(name)
    return {"name": name, **config.model_dump(mode="json", include={"label", "description", "rule", "llm"})}


def describe_pipeline(catalog: Catalog, name: str) -> dict[str, Any]:
    """One pipeline with its stages and defaults. UnknownName if there is none."""
    return catalog.pipeline(name).model_dump(mode="json", by_alias=True)


def describe_chunk(catalog: Catalog, name: str) -> dict[str, Any]:
    """One chunk: a text chunk's step, or a graph chunk's parameters, outputs and models. UnknownName if none."""
    chunk = catalog.chunk(name)
    about = {"name": name, "kind": chunk.kind, "description": chunk.description.model_dump()}
    if not isinstance(chunk, GraphChunk):
        return {**about, "step": chunk.step}
    return {**about, **_of_graph(catalog, chunk, None)}


def describe_output(catalog: Catalog, name: str) -> dict[str, Any]:
    """One `output_config` of a request, its parameters with the config's own defaults. UnknownName if there is none."""
    config = catalog.output(name)
    chunk = catalog.chunk_of(name)
    main = chunk.main
    include = {"label", "description", "pipeline", "chunk", "fallback", "remote", "run_timeout_s", "hints"}
    include |= {"variants", "presets", "wants"}
    return {
        "name": name,
        **config.model_dump(mode="json", include=include),
        "media": main.media if main else None,
        "formats": list(catalog.formats_of(name)),
        **_of_graph(catalog, chunk, config),
    }


def _of_graph(catalog: Catalog, chunk: GraphChunk, config: OutputConfig | None) -> dict[str, Any]:
    graph = catalog.graphs[chunk.graph]
    return {
        "parameters": [_parameter(parameter, graph, config) for parameter in chunk.parameters.values()],
        "outputs": [output.model_dump(mode="json") for output in chunk.outputs],
        "models": [model.model_dump(mode="json", include={"file", "folder"}) for model in chunk.models],
    }


def _parameter(parameter: Parameter, graph: Graph, config: OutputConfig | None) -> dict[str, Any]:
    """`from` names the run's text that fills the parameter where a request does not; then there is no default.

    `accepts` of a file names the media that it may be; none where any may.
    """
    configured = config.values.get(parameter.name) if config else None
    source = PLACEHOLDERS.get(configured) if isinstance(configured, str) else None
    default = None if source else parameter.default if configured is None else configured
    bounds = {}
    if parameter.type == "seed":
        bounds = dict(zip(("min", "max"), parameter.rule.seed_range, strict=True))
        default = "random" if is_random(default) else default
    return {
        **parameter.model_dump(mode="json", exclude={"sets", "default", "writes"}),
        **bounds,
        **({"accepts": list(accepts(parameter, graph))} if parameter.type == "file" else {}),
        "default": default,
        "from": source,
        "required": default is None and source is None,
    }
