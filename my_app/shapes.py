"""What the server says of runs. Objects may have more keys than are named here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from devserver.runs.events import Data
from devserver.runs.server import QueuePlace, TimeLeft
from my_app.errors import Error, ErrorDetail

Count = Annotated[int, Field(ge=0)]
State = Literal["queued", "running", "success", "failed", "blocked", "cancelled"]
Links = Annotated[dict[str, str], Field(description="where to go on with the run")]


class Shown(BaseModel):
    """Something that the server answers. A field that was not set is not in the answer."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Remark(Shown):
    """Something that is not as it was asked for, or is doubtful."""

    code: str
    message: str


class FormatMade(Shown):
    """The same sound in another format that was asked for."""

    format: str
    url: str
    filename: str
    mime: str = ""
    bytes: Count = 0


class MediaOutput(Shown):
    """What was made of one output config and take."""

    config: str = Field(description="the output config that was asked for")
    config_used: str | None = Field(None, description="the one that made it; another one where a fallback was used")
    variant: str | None = Field(None, description="the chunk that made it: the config's own, or one of its variants")
    preset: str | None = Field(None, description="the preset that was applied; null where the config lacks it")
    take: Count = 0
    status: str
    run_id: str = ""
    url: str | None = Field(description="where the file is; null where none was made")
    media_type: str
    media_stored: bool = False
    formats: list[FormatMade] = Field([])
    execution_time: float | None = Field(None, description="seconds")
    metadata: dict[str, Any] = Field({})


class Answer(Shown):
    """The answer for a run. While it goes on, `links` says where to look."""

    status: State
    run_id: str
    links: Links = Field({})
    schema_: str = Field("", alias="schema")
    config_name: str = ""
    input_text: str = ""
    final_output: str | None = Field(None, description="the text that the media was made from")
    steps_completed: Count = 0
    execution_time: float | None = Field(None, description="seconds")
    metadata: dict[str, Any] = Field({})
    brief: dict[str, Any] | None = Field(
        None,
        description="what was understood of the text that describes the first output, as POST /api/prompt/parse "
        "answers it, with `fields` for those that have a value; null where none was read",
    )
    media_output: MediaOutput | None = None
    media_outputs: list[MediaOutput] = Field([])
    warnings: list[Remark] = Field([])
    queue: QueuePlace | None = None
    eta: TimeLeft | None = None


class FailedAnswer(Answer):
    """The answer for a run that did not end well."""

    error: ErrorDetail


class Run(Shown):
    """Everything that is known about a run."""

    run_id: str
    status: State
    links: Links = Field({})
    stages: list[dict[str, Any]] = Field([])
    entities: list[dict[str, Any]] = Field([])
    queue: QueuePlace | None = None
    eta: TimeLeft | None = None


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


Refused = FailedAnswer | Error
# What the routes answer that start a run or tell its answer, beside its end and its going on.
RUN_STATUSES = (200, 202)
RUN_FAILURES = {
    403: Refused,
    409: FailedAnswer,
    500: FailedAnswer,
    502: FailedAnswer,
    504: FailedAnswer,
    507: FailedAnswer,
}
