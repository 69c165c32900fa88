"""Start runs, and list the definitions."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, Field

from devserver.definitions.authoring import Authoring
from devserver.definitions.current import Definitions
from devserver.model.answer import RunAnswer
from devserver.model.request import ExecuteRequest
from devserver.model.server import DefinitionsState
from devserver.runs.runs import Runs
from my_app.door.visitors import Visitor
from my_app.following.starts import Starts, read_wish
from my_app.views.route import Route
from my_app.views.shapes import RUN_FAILURES, RUN_STATUSES, Shown
from my_app.views.signature import Headers, Received
from schemas.describe import (
    DescribedGraphChunk,
    DescribedInterception,
    DescribedOutput,
    DescribedPipeline,
    DescribedTextChunk,
    describe_chunk,
    describe_interception,
    describe_output,
    describe_pipeline,
)


class OutputQuery(BaseModel):
    """The filter of the list of outputs."""

    backend: str | None = Field(None, description="A backend's name or address: show which outputs it can run.")


class Interceptions(Shown):
    """The interception configs."""

    schemas: list[DescribedInterception]


class Outputs(Shown):
    """The output configs."""

    outputs: list[DescribedOutput]


class Pipelines(Shown):
    """The pipelines."""

    pipelines: list[DescribedPipeline]


class Chunks(Shown):
    """The chunks."""

    chunks: list[DescribedTextChunk | DescribedGraphChunk]


async def execute(
    *,
    request: web.Request,
    runs: Runs,
    starts: Starts,
    visitor: Visitor,
    headers: Headers,
    body: ExecuteRequest,
    received: Received,
) -> Annotated[web.StreamResponse, RunAnswer]:
    """Start a run, and wait for its end unless the request says otherwise."""
    wish = read_wish(body, headers)
    return await starts.answer(request, lambda: runs.accept(body, received, visitor.user_id, headers), wish)


def list_schemas(definitions: Definitions) -> Interceptions:
    """List the interception configs, which transform texts."""
    catalog = definitions.catalog
    return Interceptions(schemas=[describe_interception(catalog, name) for name in catalog.interceptions])


def list_outputs(
    definitions: Definitions, runs: Runs, authoring: Authoring, visitor: Visitor, query: OutputQuery
) -> Outputs:
    """List the allowed output configs and their parameters; with `backend`, whether it can run them."""
    catalog, rights = definitions.catalog, runs.rights(visitor.user_id)
    outputs = [describe_output(catalog, name) for name in catalog.outputs if rights.allows(name)]
    if query.backend is not None:
        found = authoring.check_backend(query.backend)
        outputs = [output.model_copy(update={"backend": found.get(output.name)}) for output in outputs]
    return Outputs(outputs=outputs)


def list_pipelines(definitions: Definitions) -> Pipelines:
    """List the pipelines and their stages."""
    catalog = definitions.catalog
    return Pipelines(pipelines=[describe_pipeline(catalog, name, definitions.kinds) for name in catalog.pipelines])


def list_chunks(definitions: Definitions) -> Chunks:
    """List the chunks: the steps that pipelines and configs are built of."""
    catalog = definitions.catalog
    return Chunks(chunks=[describe_chunk(catalog, name) for name in catalog.chunks])


def show_status(definitions: Definitions) -> DefinitionsState:
    """Tell whether the last edit of the definitions is in force; if not, list its problems."""
    return definitions.status()


ROUTES: Final = (
    Route(
        "POST",
        "/api/schema/pipeline/execute",
        execute,
        "schema",
        (*RUN_STATUSES, 404),
        failures=RUN_FAILURES,
        missing_status=400,
        keyed=True,
    ),
    Route("GET", "/api/schema/schemas", list_schemas, "schema"),
    Route("GET", "/api/schema/outputs", list_outputs, "schema", (200, 404, 409)),
    Route("GET", "/api/schema/pipelines", list_pipelines, "schema"),
    Route("GET", "/api/schema/status", show_status, "schema"),
    Route("GET", "/api/schema/chunks", list_chunks, "schema"),
)
