"""What a route is. The table of all of them is made into the routers and into /openapi.json alike."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import web
from flask import Response

from devserver.errors import InputError
from devserver.store import RUN_ID

SMALL_BODY_BYTES: Final = 1 << 20

NativeView = Callable[[web.Request], Awaitable[web.StreamResponse]]
FlaskView = Callable[..., Response]


@dataclass(frozen=True)
class Query:
    """A query parameter; `schema` is its JSON Schema."""

    name: str
    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True)
class Reply:
    """One answer that a route gives. `schema` names a component, or is a JSON Schema, or None for no JSON."""

    description: str
    schema: str | Mapping[str, Any] | None = None
    media_type: str = "application/json"
    example: Any = None


@dataclass(frozen=True)
class Route:
    """One method of one path and the function that answers it.

    An `async def` view is native to the front: it gets the aiohttp request. A plain function is a Flask view: it runs
    on a thread, gets the path's parameters by name, and never waits for a run.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    view: NativeView | FlaskView
    tag: str
    summary: str
    replies: Mapping[int, Reply]
    query: tuple[Query, ...] = ()
    body: str | Mapping[str, Any] | None = None
    body_required: bool = False
    body_example: Mapping[str, Any] = field(default_factory=dict)
    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # JSON Schemas of those that are no JSON
    max_body_bytes: int = SMALL_BODY_BYTES
    is_open: bool = False  # whether it is answered without a key where keys are needed
    only_admins: bool = False
    is_control: bool = False  # whether it is answered where there is no room for more connections
    keyed: bool = False  # whether it takes an Idempotency-Key
    head: bool = True  # whether HEAD may be asked where GET may; a stream without an end has no headers to tell alone

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
    """The id, if it has an id's shape. It is looked up, never made into a path; the shape is checked all the same."""
    if not RUN_ID.fullmatch(run_id):
        raise InputError("This is no run id.", status=404, field="run_id", value=run_id, allowed=RUN_ID.pattern)
    return run_id


def unknown_run(run_id: str) -> InputError:
    return InputError(
        "There is no such run.", status=404, field="run_id", value=run_id, hint="GET /api/runs lists them."
    )
