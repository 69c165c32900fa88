"""The answer of `execute` and of the run routes, built from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from devserver.durable.reading import Reading
from devserver.durable.search import RunLine
from devserver.model.answer import RunDetail, RunSummary, answer_ended, answer_started, links_of, media_of, status_of
from devserver.model.entity import Entity
from devserver.model.plan import read_plan
from devserver.model.rows import RunRow, seconds_between
from devserver.model.server import RunPlace
from devserver.runs import record


@dataclass(frozen=True)
class Answer:
    """An HTTP status and the body that goes with it."""

    status: int
    body: dict[str, Any]

    @property
    def ended(self) -> bool:
        return self.status != HTTPStatus.ACCEPTED


def answer(reading: Reading, row: RunRow) -> Answer:
    """Return the answer of `execute` for a run: 202 with links while it is not finished."""
    if not row.ended:
        return Answer(status_of(row), answer_started(row).as_json())
    return answer_of(row, record.read_contents(reading, row.run_id))


def answer_of(row: RunRow, contents: record.Contents) -> Answer:
    """Return the answer of `execute` for a run that has ended."""
    body = answer_ended(row, read_plan(row.plan), contents.parts, contents.entities, contents.warnings)
    return Answer(status_of(row), body.as_json())


def detail(reading: Reading, row: RunRow, place: RunPlace | None = None) -> RunDetail:
    """Return one run for a page: the record as it stands, with links and URLs, and its place while it waits."""
    told = record.build(row, record.read_contents(reading, row.run_id))
    detail = RunDetail(**dict(told), links=links_of(row.run_id), media=media_of(row.run_id, told.entities))
    return detail.model_copy(update={"queue": place.queue, "eta": place.eta}) if place else detail


def summaries(reading: Reading, lines: Sequence[RunLine]) -> list[RunSummary]:
    """Return runs as a list shows them; their files are read together."""
    files = reading.entities_of([line.run_id for line in lines])
    return [summarize(line, files.get(line.run_id, [])) for line in lines]


def summarize(line: RunLine, entities: Sequence[Entity]) -> RunSummary:
    return RunSummary(
        run_id=line.run_id,
        status=line.state,
        title=line.title,
        schema_=line.schema,
        output_config=line.output_config,
        created_at=line.created_at,
        execution_time=seconds_between(line.started_at, line.ended_at),
        error=line.error,
        media=media_of(line.run_id, entities),
        links=links_of(line.run_id),
    )
