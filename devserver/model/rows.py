"""A run, its stages, takes and attempts, as the journal has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from devserver.model.failure import Failure
from devserver.model.results import AttemptResult, StageResult, TakeResult

RunState = Literal["queued", "running", "success", "failed", "blocked", "cancelled"]
StageState = Literal["running", "success", "failed", "blocked", "cancelled", "skipped", "lost"]
ENDED: Final = ("success", "failed", "blocked", "cancelled")


@dataclass(frozen=True)
class Place:
    """A place in a run (stage, take, attempt), with the generation of the walk."""

    run_id: str
    generation: int
    stage: str = ""
    take: int = 0
    attempt: int = 0


@dataclass(frozen=True)
class RunRow:
    """One execution of a pipeline. `plan` is JSON as `devserver.model.plan.Plan` writes it."""

    run_id: str
    user_id: str
    state: RunState
    created_at: str
    started_at: str | None
    ended_at: str | None
    title: str
    schema: str
    output_config: str
    plan: str
    error: Failure | None
    generation: int
    cancel: bool
    owner: str | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True)
class _PartRow:
    """The common columns of stages, takes and attempts.

    Attributes:
        number: their order in the run.
        at_work: the process that works on it now, where a server that dies counts as one that died of it.
        stops: how often a server died while it worked on it.
        worked_s: how long a take was worked on, all servers together.
    """

    run_id: str
    stage: str
    take: int
    attempt: int
    state: StageState
    started_at: str
    ended_at: str | None
    backend: str | None
    prompt_id: str | None
    number: int
    at_work: str | None
    stops: int
    worked_s: float


@dataclass(frozen=True)
class StageRow(_PartRow):
    """A stage; its take and attempt are 0."""

    result: StageResult


@dataclass(frozen=True)
class TakeRow(_PartRow):
    """One take of a stage, from 1; its attempt is 0."""

    result: TakeResult


@dataclass(frozen=True)
class AttemptRow(_PartRow):
    """One attempt of a take, from 1."""

    result: AttemptResult


PartRow = StageRow | TakeRow | AttemptRow


def seconds_between(start_at: str | None, end_at: str | None) -> float | None:
    """Return the seconds from one stamp of the journal to another, never below 0; None where one is missing."""
    if start_at is None or end_at is None:
        return None
    return max(0.0, round((datetime.fromisoformat(end_at) - datetime.fromisoformat(start_at)).total_seconds(), 3))
