"""Events of runs: what happened, in an order that only grows. One class for the data of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from pydantic import Field, PrivateAttr
from typing_extensions import TypedDict

from devserver.model.entity import Entity
from devserver.model.failure import Failure
from devserver.model.kept import EventData
from devserver.model.server import BackendState, DefinitionsState, QueueState, RunPlace


class RunQueued(EventData):
    """A run was accepted: from here on it is never lost."""

    KIND: ClassVar[str] = "run.queued"

    title: str = ""
    schema_: str = Field("", alias="schema", description="the interception config")
    output_config: str = Field("", description="the output configs, separated by commas")


class RunStarted(EventData):
    """A run is walked: by the process that accepted it, or by the one that took it up."""

    KIND: ClassVar[str] = "run.started"


class RunEnded(EventData):
    """A run is over; its record is complete."""

    KIND: ClassVar[str] = "run.ended"

    status: str = Field("", description="`success`, `failed`, `blocked` or `cancelled`")
    error: Failure | None = None
    url: str = Field("", description="where to look at it")


class StageStarted(EventData):
    KIND: ClassVar[str] = "stage.started"


class StageEnded(EventData):
    KIND: ClassVar[str] = "stage.ended"

    status: str = Field("", description="`success`, `failed`, `blocked`, `cancelled` or `skipped`")
    reason: str = Field("", description="why it was skipped")
    error: Failure | None = None


class AttemptStarted(EventData):
    KIND: ClassVar[str] = "attempt.started"

    backend: str = ""


class AttemptEnded(EventData):
    KIND: ClassVar[str] = "attempt.ended"

    status: str = Field("", description="`success`, `failed`, `cancelled` or `lost`")
    error: Failure | None = None


class Measurement(EventData):
    """A value that was measured in what was made, beside the one that was asked for."""

    KIND: ClassVar[str] = "measurement"

    name: str = Field("", description="the measured quantity: `tempo_bpm`, `key`, `loudness_lufs`, ...")
    unit: str = Field("", description="`bpm`, `LUFS`, `dBTP`, `seconds`, ...; '' for a name")
    asked: str | float | None = Field(
        None, description="the value that the request or the brief asked for; null if none"
    )
    heard: str | float | None = Field(None, description="the measured value of the file; null if unknown")
    confidence: float | None = Field(None, ge=0, le=1, description="how sure the measurement is, from 0 to 1")
    filename: str = Field("", description="the entity that was measured")


class RunWarning(EventData):
    """Something that the user must know of a run. Values for programs stand beside the message."""

    KIND: ClassVar[str] = "warning"

    stage: str = Field("", description="the stage that it belongs to, where a record or an answer lists it")
    code: str = Field("", description="one word for programs")
    message: str = Field("", description="for people")
    message_code: str = Field("", description="names the sentence, for translations")
    values: dict[str, object] | list[object] = Field({}, description="the values in the sentence, by name")

    def of_stage(self, stage: str) -> RunWarning:
        """Return the warning as records and answers list it."""
        return self.model_copy(update={"stage": stage})


class Piece(EventData):
    """A piece of the main sound is there while the prompt that makes it still runs."""

    KIND: ClassVar[str] = "partial"

    index: int = Field(ge=0, description="its place in the sound, from 0")
    node: str = Field("", description="the node that made it")
    file: str = Field(description="its name below the run's folder of pieces")


class Progress(EventData):
    """The progress of a prompt. Not stored, at most five a second."""

    KIND: ClassVar[str] = "progress"

    fraction: float = Field(0.0, ge=0, le=1, description="of the whole prompt, from 0 to 1")
    node: str | None = None
    class_type: str | None = None
    value: int | float | None = Field(None, description="steps of this node that are done")
    max: int | float | None = Field(None, description="steps of this node")


class Preview(EventData):
    """A picture of what a prompt works at. Not stored, at most five a second."""

    KIND: ClassVar[str] = "preview"

    node: str | None = None
    mime: str = ""
    image_base64: str = ""


class TextDelta(EventData):
    """A text as far as a language model has written it. Not stored, at most five a second."""

    KIND: ClassVar[str] = "text.delta"

    text: str = ""


class OtherData(EventData):
    """The data of a kind that this version does not know."""

    _kind: str = PrivateAttr("")

    @property
    def event_kind(self) -> str:
        return self._kind

    @classmethod
    def of(cls, kind: str, data: Mapping[str, object]) -> OtherData:
        """Return the data of a kind as it is."""
        made = cls.model_validate(data)
        made._kind = kind  # noqa: SLF001 - its own
        return made


Stored: TypeAlias = (
    RunQueued | RunStarted | RunEnded | StageStarted | StageEnded | AttemptStarted | AttemptEnded
    | Entity | Measurement | RunWarning | Piece
)  # fmt: skip
Passing: TypeAlias = Progress | Preview | TextDelta | QueueState | RunPlace | BackendState | DefinitionsState
Data: TypeAlias = Stored | Passing | OtherData

# By kind, as events are read again; a queue's place is told to listeners of this process alone.
KINDS: Final[Mapping[str, type[Stored | Passing]]] = {
    kind.KIND: kind
    for kind in (
        *(RunQueued, RunStarted, RunEnded, StageStarted, StageEnded, AttemptStarted, AttemptEnded),
        *(Entity, Measurement, RunWarning, Piece),
        *(Progress, Preview, TextDelta, QueueState, BackendState, DefinitionsState),
    )
}


def read_data(kind: str, data: Mapping[str, object]) -> Data:
    """Return the data of an event from its JSON.

    Raises:
        ValidationError: it is of a known kind and of another shape.
    """
    return KINDS[kind].model_validate(data) if kind in KINDS else OtherData.of(kind, data)


class EventJson(TypedDict):
    """An event as streams and other processes get it; `at` is in UTC, ISO 8601 with milliseconds."""

    seq: int | None
    run_id: str | None
    stage: str
    take: int
    attempt: int
    at: str
    kind: str
    data: dict[str, object]


@dataclass(frozen=True)
class Event:
    """Something that happened to a run (or, with `run_id` None, to the server).

    `seq` is one counter for the whole server; transient events (progress, previews, text as it grows) have none.
    `stage` is '' and `take`, `attempt` are 0 where there is none.
    """

    seq: int | None
    run_id: str | None
    stage: str
    take: int
    attempt: int
    at: str
    data: Data

    @property
    def kind(self) -> str:
        return self.data.event_kind

    def as_json(self) -> EventJson:
        """Return the event as streams and other processes get it."""
        return {
            "seq": self.seq,
            "run_id": self.run_id,
            "stage": self.stage,
            "take": self.take,
            "attempt": self.attempt,
            "at": self.at,
            "kind": self.kind,
            "data": self.data.as_json(),
        }

    @staticmethod
    def from_json(told: EventJson) -> Event:
        """Return the event that `as_json` made this of."""
        place = (told["seq"], told["run_id"], told["stage"], told["take"], told["attempt"], told["at"])
        return Event(*place, read_data(told["kind"], told["data"]))
