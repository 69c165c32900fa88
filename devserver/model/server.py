"""Events of the server itself: backends, queue, definitions. They are not stored."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from devserver.model.kept import EventData, Kept


class BackendState(EventData):
    """One backend, as it is now."""

    KIND: ClassVar[str] = "backend"

    name: str
    kind: str = Field("", description="`embedded`, `comfyui` or `swarmui`")
    state: str = Field("", description="`unknown`, `up` or `down`")
    problem: str = Field("", description="its problem now")
    last_problem: str = Field("", description="its last problem, also after it is solved")
    deaf: bool = Field(False, description="whether its socket hears nothing, so that it is asked for its prompts")
    in_flight: int = Field(0, description="how many prompts it has of this process")
    remote: bool = Field(False, description="whether it is on another machine")
    versions: dict[str, object] = Field({}, description="of its programs, as it tells them")
    devices: list[object] = Field([], description="its GPUs and their memory in bytes, as it tells them")


class ProcessState(Kept):
    """One process of a server that has several."""

    name: str
    node: str | None = None
    role: str = Field("", description="`all`, `web` or `worker`")
    walks: int = Field(0, description="how many runs it walks")
    backends: list[BackendState] = Field([], description="its backends; none of a web process")


class ReadyState(Kept):
    """Readiness: a run that is accepted now would be made; else the reasons."""

    ready: bool
    problems: list[str] = Field([], description="present and coming problems, in words for people")
    backends: list[BackendState] = Field([], description="those of this process")
    processes: list[ProcessState] = Field([], description="the processes, if there are several")


class QueueLength(Kept):
    """The numbers of takes that are at a backend or are expected there."""

    name: str = Field(description="of the backend")
    held: int = Field(ge=0, description="how many have their turn")
    waiting: int = Field(ge=0, description="how many wait and are expected to go there")


class QueueState(EventData):
    """The queues of all backends."""

    KIND: ClassVar[str] = "queue"

    backends: list[QueueLength] = Field([], description="those that have takes or are waited for")
    paused: list[str] = Field([], description="the backends that are given nothing new; '' for all together")
    waiting: int = Field(0, ge=0, description="how many takes wait at all backends together")


class QueuePlace(Kept):
    """A run's place in the one queue for all backends."""

    backend: str = Field(description="where it is, or is expected to go; '' where nobody can say")
    position: int = Field(ge=0, description="1 is next; 0 has its turn")
    waiting: int = Field(ge=0, description="how many takes wait at all backends together")
    paused: bool = Field(description="whether it waits while everything is paused, or where it is expected")


class TimeLeft(Kept):
    """The time that remains, learned from earlier runs on this machine."""

    low_seconds: float = Field(ge=0)
    high_seconds: float = Field(ge=0)
    samples: int = Field(ge=0, description="how many durations the least known part of it rests on")


class RunPlace(EventData):
    """An unfinished run's place in the queue; only its own stream carries this event."""

    KIND: ClassVar[str] = "queue"

    queue: QueuePlace | None = Field(None, description="its place in the queue; null if it waits for no backend")
    eta: TimeLeft | None = Field(None, description="when it will be done; null where nothing like it was made yet")


class DefinitionsState(EventData):
    """The state of the last edit of the definitions' folders."""

    KIND: ClassVar[str] = "definitions"

    state: str = Field(
        "ok", description="`ok` or `broken`: broken definitions keep their last good version, or are left out"
    )
    version: int = Field(0, description="counts the versions that were in force since the start")
    problems: list[dict[str, object]] = Field([], description="each with its file, line, field and message")
    folders: list[str] = Field([], description="where definitions are read from, the later ones first in force")
    watched: list[str] = Field([], description="the folders that are watched for edits")
