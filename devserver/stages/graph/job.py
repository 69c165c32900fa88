"""The job of an attempt, and the names that follow from its place."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from devserver.backends.pool import Backend
from devserver.model.plan import Option, OutputPlan
from devserver.model.results import Retry
from devserver.model.rows import Place
from devserver.stages.graph.nodes import NodeTimes
from devserver.stages.inputs import RunFile
from schemas.graph import Graph
from schemas.values import RecordedValue

# Every prompt id is made from its place, so that a restart finds the prompt that it had submitted.
NAMESPACE: Final = uuid.UUID("5f0a5d0e-6c1c-5a39-9d0f-746f6e657772")


@dataclass(frozen=True)
class Job:
    """The job of an attempt.

    `option` is one of `output`'s; `models` are the backend's own names of its models; `nodes` hears when each ran;
    `sources` are the files of this run that it reads, by parameter; `again` is why the attempt before was not
    the last, where there was one; `why` is the code of the sentence that says why it is made at that backend.
    """

    place: Place
    backend: Backend
    output: OutputPlan
    option: Option
    compiled: Graph
    graph_sha256: str
    values: dict[str, RecordedValue]
    models: Mapping[tuple[str, str], str]
    nodes: NodeTimes
    sources: Mapping[str, RunFile] = field(default_factory=dict)
    again: Retry | None = None
    why: str = ""

    @property
    def prompt_id(self) -> str:
        place = self.place
        return str(uuid.uuid5(NAMESPACE, f"{place.run_id}/{place.stage}/{place.take}/{place.attempt}"))

    @property
    def prefix(self) -> str:
        place = self.place
        return f"tonewright/{place.run_id}/{place.stage}_{place.take}_{place.attempt}"

    @property
    def bound_name(self) -> str:
        place = self.place
        return f"graph_{place.stage}_{place.take}_{place.attempt}.bound.json"
