"""What is told of the server itself: its backends, its queue, its definitions. Events of these kinds are not stored."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from devserver.runs.kept import EventData


class BackendState(EventData):
    """One backend, as it is now."""

    kind: ClassVar[str] = "backend"

    name: str
    backend_kind: str = Field("", alias="kind", description="`embedded`, `comfyui` or `swarmui`")
    state: str = Field("", description="`unknown`, `up` or `down`")
    problem: str = Field("", description="what is wrong with it now")
    last_problem: str = Field("", description="what was wrong with it last, also where it is well again")
    deaf: bool = Field(False, description="whether its socket hears nothing, so that it is asked for its prompts")
    in_flight: int = Field(0, description="how many prompts it has of this process")
    remote: bool = Field(False, description="whether it is on another machine")
    versions: dict[str, object] = Field({}, description="of its programs, as it tells them")
    devices: list[object] = Field([], description="its GPUs and their memory in bytes, as it tells them")
