"""The type of a route. The table of all routes becomes the routers and /openapi.json alike."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from devserver.errors import InputError
from devserver.files.exports import RUN_ID
from my_app.views.signature import Argument, Signature, read_signature

SMALL_BODY_BYTES: Final = 1 << 20

RunId = Annotated[str, Field(pattern=f"^{RUN_ID.pattern}$", description="The run.")]


@dataclass(frozen=True)
class Route:
    """One method of one path and the function that answers it; the rest follows from that function's signature.

    An `async def` view is native to the front; a plain function is a Flask view: it runs on a thread, and never waits
    for a run.

    Args:
        statuses: those of its answers, the usual one first, then those of its refusals besides what every route of its
            kind may answer.
        failures: the models of refusals that are no plain errors.
        media_type: of an answer that is no JSON.
        forms: the media types of a body that is no JSON, with their JSON Schemas.
        missing_status: of the refusal of a body that lacks a field.
        is_open: whether it is answered without a key where keys are needed.
        is_control: whether it is answered where there is no room for more connections.
        keyed: whether it takes an Idempotency-Key.
        head: whether HEAD may be asked where GET may; a stream without an end has no headers to tell alone.
        stability: `experimental` where it may change without notice.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    view: Callable[..., Any]
    tag: str
    statuses: tuple[int, ...] = (200,)
    failures: Mapping[int, Any] = field(default_factory=dict)
    media_type: str = "application/json"
    forms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    missing_status: int = 422
    max_body_bytes: int = SMALL_BODY_BYTES
    is_open: bool = False
    only_admins: bool = False
    is_control: bool = False
    keyed: bool = False
    head: bool = True
    stability: Literal["stable", "experimental"] = "stable"

    @cached_property
    def signature(self) -> Signature:
        return read_signature(self.view, self.parameters, self.missing_status)

    @property
    def body(self) -> Argument | None:
        """The argument that is the JSON body."""
        return self.signature.argument("body")

    @property
    def queries(self) -> tuple[str, ...]:
        """The names of the query parameters."""
        query = self.signature.argument("query")
        return tuple(query.annotation.model_fields) if query is not None else ()

    @property
    def native(self) -> bool:
        return inspect.iscoroutinefunction(self.view)

    @property
    def name(self) -> str:
        return self.view.__name__ + "".join(f"_by_{name}" for name in self.parameters[1:])

    @property
    def parameters(self) -> list[str]:
        """The names in the path: `/api/runs/{run_id}` has `run_id`."""
        return [name for name, _ in re.findall(r"\{(\w+)(:[^}]*)?\}", self.path)]

    @property
    def flask_rule(self) -> str:
        return re.sub(r"\{(\w+)\}", r"<\1>", self.path)


def check_run_id(run_id: str) -> str:
    """Return the id if it has an id's shape. It is only looked up, never made into a path."""
    if not RUN_ID.fullmatch(run_id):
        raise InputError("run_id_malformed", status=404, field="run_id", value=run_id, allowed=RUN_ID.pattern)
    return run_id
