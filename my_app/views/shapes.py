"""Shapes of answers about runs. Objects may have more keys than are named here."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from devserver.model.answer import RunAnswer
from devserver.model.events import Data
from my_app.answers.errors import Error

EVENT_STREAM: Final = "text/event-stream"
Count = Annotated[int, Field(ge=0)]
State = Literal["queued", "running", "success", "failed", "blocked", "cancelled"]


class Shown(BaseModel):
    """Something that the server answers. A field that was not set is not in the answer."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Remark(Shown):
    """Something that is not as it was asked for, or is doubtful."""

    code: str
    message: str


class Event(Shown):
    """Something that happened to a run, or to the server."""

    seq: int | None = Field(description="grows over the whole server; null for events that are not stored")
    run_id: str | None = Field(description="null for the server's own events")
    stage: str
    take: Count
    attempt: Count
    at: str
    kind: str
    data: Data


# Statuses and bodies of the routes that start a run or return its answer.
RUN_STATUSES = (200, 202)
RUN_FAILURES = {403: RunAnswer | Error, **dict.fromkeys((409, 500, 502, 504, 507), RunAnswer)}
