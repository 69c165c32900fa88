from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context

from devserver.durable.database import Database
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult, NodeTime, StageResult
from devserver.model.rows import Place
from devserver.watching.listening import watch
from devserver.watching.tracing import Tracing, header_of
from tests.devserver.plans import AT, RUN_ID, add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NODES = [
    NodeTime(node="3", class_type="KSampler", started_at="2024-01-31T23:59:59.100Z", seconds=1.5),
    NodeTime(node="8", class_type="SaveAudio", started_at="2024-01-31T23:59:59.200Z", seconds=0.25),
]


@dataclass
class Sent:
    """The spans that were sent so far, by their names."""

    exporter: InMemorySpanExporter
    tracing: Tracing

    async def spans(self) -> dict[str, ReadableSpan]:
        await self.tracing.flush()
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
async def sent(journal: JournalAtOnce, database: Database) -> AsyncIterator[Sent]:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter, database)
    watch(journal.journal, [tracing])
    yield Sent(exporter, tracing)
    await tracing.close()


def walk(journal: JournalAtOnce, place: Place) -> None:
    """A run of one stage with one attempt."""
    stage, take = replace(place, stage="generation"), replace(place, stage="generation", take=1)
    journal.begin_stage(stage)
    journal.begin_take(take)
    journal.begin_attempt(replace(take, attempt=1), backend="gpu", prompt_id="p1")
    journal.end(replace(take, attempt=1), "success", AttemptResult(nodes=NODES))
    journal.end(take, "success")
    journal.end(stage, "success")
    journal.end_run(place, "success", "2024-02-01T00:00:09.000Z", None, "a secret text")


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def test_a_run_is_one_tree_from_the_request_to_the_nodes(
    journal: JournalAtOnce, database: Database, sent: Sent
) -> None:
    place = add_run(journal)
    AtOnce(database, sent.tracing).keep(RUN_ID, {"Traceparent": CALLER})
    walk(journal, place)
    spans = await sent.spans()
    names = ["run", "stage generation", "attempt 1", "node KSampler"]
    assert set(spans) == {*names, "node SaveAudio"}
    for above, below in pairwise(names):
        assert parent_of(spans[below]) == id_of(spans[above])
    assert parent_of(spans["run"]) == 0xB7AD6B7169203331
    assert {span.context.trace_id for span in spans.values() if span.context} == {0x0AF7651916CD43DD8448EB211C80319C}


async def test_spans_say_what_and_how_long_and_no_text(journal: JournalAtOnce, sent: Sent) -> None:
    walk(journal, add_run(journal))
    spans = await sent.spans()
    attempt, node, run = (spans[name].attributes or {} for name in ("attempt 1", "node KSampler", "run"))
    assert (attempt["tonewright.backend"], attempt["tonewright.take"]) == ("gpu", 1)
    assert node["tonewright.class_type"] == "KSampler"
    assert run["tonewright.run_id"] == RUN_ID
    sampler = spans["node KSampler"]
    assert (sampler.end_time or 0) - (sampler.start_time or 0) == 1_500_000_000
    assert (spans["run"].end_time or 0) - (spans["run"].start_time or 0) == 10_000_000_000
    assert not any("secret" in str(span.attributes) for span in spans.values())


async def test_a_server_that_is_started_again_goes_on_with_the_same_trace(
    journal: JournalAtOnce, database: Database, sent: Sent
) -> None:
    place = add_run(journal)
    journal.begin_stage(replace(place, stage="interception"))
    journal.end(replace(place, stage="interception"), "success")
    first = (await sent.spans())["stage interception"]
    journal.hearers.clear()
    exporter = InMemorySpanExporter()
    later = Tracing(exporter, database)
    watch(journal.journal, [later])
    walk(journal, place)
    run = (await Sent(exporter, later).spans())["run"]
    await later.close()
    assert parent_of(first) == id_of(run)
    assert first.context is not None
    assert run.context is not None
    assert first.context.trace_id == run.context.trace_id
    assert run.parent is None


async def test_a_failure_is_one_and_says_which(journal: JournalAtOnce, sent: Sent) -> None:
    place = replace(add_run(journal), stage="generation")
    journal.begin_stage(place)
    journal.end(place, "failed", StageResult(error=Failure(code="node_failed", message="of 'a secret text'")))
    span = (await sent.spans())["stage generation"]
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "node_failed")


async def test_what_a_caller_does_not_sample_is_not_sent(
    journal: JournalAtOnce, database: Database, sent: Sent
) -> None:
    place = add_run(journal)
    AtOnce(database, sent.tracing).keep(RUN_ID, {"traceparent": CALLER[:-1] + "0"})
    walk(journal, place)
    journal.end_run(replace(add_run(journal, "20240131-235959-00000002")), "success", AT, None)
    told = [span.attributes for span in (await sent.spans()).values()]
    assert [str(each["tonewright.run_id"])[-1] for each in told if each] == ["2"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "x",
        CALLER.upper(),
        CALLER[3:],
        "ff" + CALLER[2:],
        CALLER.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        CALLER.replace("b7ad6b7169203331", "0" * 16),
    ],
)
async def test_a_header_that_is_none_begins_a_trace_of_its_own(sent: Sent, header: str | None) -> None:
    span, own = sent.tracing.begin(header)
    assert own == header_of(set_span_in_context(span))
    assert own != header
    sent.tracing.end_request(span, "GET /x", {"http.response.status_code": 200})
    assert (await sent.spans())["GET /x"].parent is None


async def test_a_request_joins_the_trace_of_its_caller(sent: Sent) -> None:
    begun, own = sent.tracing.begin(CALLER)
    assert own[:36] == CALLER[:36]
    assert own[36:52] != CALLER[36:52]
    told = {"http.request.method": "POST", "http.route": "/x", "http.response.status_code": 500}
    sent.tracing.end_request(begun, "POST /x", told)
    span = (await sent.spans())["POST /x"]
    assert (parent_of(span), id_of(span)) == (int(CALLER[36:52], 16), int(own[36:52], 16))
    assert (span.kind, span.status.status_code) == (SpanKind.SERVER, StatusCode.ERROR)


async def test_a_request_that_its_caller_does_not_sample_says_so_and_is_not_sent(sent: Sent) -> None:
    span, own = sent.tracing.begin(CALLER[:-1] + "0")
    assert own.endswith("-00")
    sent.tracing.end_request(span, "POST /x", {"http.response.status_code": 200})
    assert await sent.spans() == {}
