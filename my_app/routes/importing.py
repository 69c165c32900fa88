"""Import graphs as definitions, and check the text of a definition."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import Field

from devserver.definitions.authoring import Authoring, ImportRequest, ValidateRequest
from devserver.durable.idempotency import Idempotency
from my_app.door.visitors import Visitor
from my_app.following.starts import REPLAYED
from my_app.views.route import Route
from my_app.views.shapes import Shown
from my_app.views.signature import Headers, Received, Reply
from schemas.limits import BYTES

LARGEST_BYTES: Final = BYTES.most  # a saved graph with sub-graphs and notes has a few MiB at most


class Imported(Shown):
    """Definitions that were made of a graph."""

    name: str
    form: Literal["api", "ui"]
    parameters: dict[str, str] = Field(description="each parameter's type")
    models: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    warnings: list[str]
    files: dict[str, str] = Field(description="each file's text, by its place")
    written: list[str] = Field(description="the files that were written")


class Problem(Shown):
    """A problem in a definition's text, with its line."""

    line: int = Field(ge=1)
    field: str
    message: str


class Checked(Shown):
    """The problems in a definition's text."""

    valid: bool
    problems: list[Problem]


async def import_graph(
    *,
    authoring: Authoring,
    idempotency: Idempotency,
    visitor: Visitor,
    headers: Headers,
    body: ImportRequest,
    received: Received,
) -> Reply[Imported]:
    """Make definitions from a graph in either of ComfyUI's forms, or from an uploaded file that holds one.

    The answer shows the files. They are written only with `write`, and are in force then.
    """
    claim = idempotency.claim(headers, visitor.user_id, "import", received)

    async def make() -> tuple[int, dict[str, Any]]:
        return HTTPStatus.OK, await authoring.import_graph(body, visitor.viewer)

    first, replayed = await idempotency.run_once(claim, make)
    return Reply(Imported.model_validate(first.body), first.status or 0, REPLAYED if replayed else {})


def validate_definition(authoring: Authoring, body: ValidateRequest) -> Checked:
    """Check a definition's text: every problem with its line, counted from 1, and its field."""
    return Checked.model_validate(authoring.validate(body))


ROUTES: Final = (
    Route(
        "POST",
        "/api/schema/import",
        import_graph,
        "schema",
        (200, 404, 409),
        keyed=True,
        max_body_bytes=LARGEST_BYTES,
        stability="experimental",
    ),
    Route("POST", "/api/schema/validate", validate_definition, "schema", stability="experimental"),
)
