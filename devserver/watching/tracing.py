"""One trace for each run, from the request that it came with to the nodes that made it, for OpenTelemetry.

A span is sent when it ends, made of what the journal has. Its id follows from the run and the place, so that a server
that was started again goes on with the same trace, and so that a child may be sent before its parent.

This module needs the extra `telemetry`: import it where spans are sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from devserver.durable.database import Database
from devserver.durable.search import RunLine
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from devserver.model.events import AttemptEnded, Event, RunEnded, StageEnded
from devserver.model.rows import AttemptRow, PartRow, StageRow
from devserver.watching.listening import About

log = logging.getLogger(__name__)

TRACEPARENT: Final = "traceparent"
ROUTE: Final = "/v1/traces"
ANSWER_S: Final = 5.0  # how long a collector may take, also when the server ends
SERVER_FAULT: Final = 500
BADLY: Final = ("failed", "blocked", "lost")
REMEMBERED: Final = 1000  # runs whose parents are kept in memory
_W3C: Final = TraceContextTextMapPropagator()


def exporter_to(otlp_url: str) -> SpanExporter:
    """Return the exporter that sends spans to a collector, as protobuf over HTTP."""
    url = otlp_url.rstrip("/")
    return OTLPSpanExporter(url if url.endswith(ROUTE) else url + ROUTE, timeout=ANSWER_S)


def context_in(header: str | None) -> Context:
    """Return the context that a `traceparent` header names; an empty one where it names none."""
    return _W3C.extract({TRACEPARENT: header or ""}, Context())


def header_of(context: Context) -> str:
    """Return a context as a `traceparent` header; '' where there is no span in it."""
    headers: dict[str, str] = {}
    _W3C.inject(headers, context)
    return headers.get(TRACEPARENT, "")


class _Ids(RandomIdGenerator):
    """Random ids, but for spans whose ids follow from what they are of."""

    def __init__(self) -> None:
        self.of_run: ContextVar[SpanContext | None] = ContextVar("ids of the next span", default=None)

    def generate_trace_id(self) -> int:
        known = self.of_run.get()
        return known.trace_id if known else super().generate_trace_id()

    def generate_span_id(self) -> int:
        known = self.of_run.get()
        return known.span_id if known else super().generate_span_id()


class Tracing:
    """Sends spans of what the journal of this process has written, and of requests.

    Args:
        exporter: gets the spans in batches, on a thread of its own.
    """

    def __init__(self, exporter: SpanExporter, database: Database) -> None:
        self._db, self._ids = database, _Ids()
        self._provider = TracerProvider(
            ParentBased(ALWAYS_ON),
            Resource.create({"service.name": "tonewright"}),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tonewright")
        self._requests: dict[str, Context] = {}  # what the newest runs came with
        self._heard: deque[tuple[Event, PartRow | RunLine]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def flush(self) -> None:
        """Send what has ended so far."""
        if self._sending is not None:
            await self._sending
        await asyncio.to_thread(self._provider.force_flush)

    async def close(self) -> None:
        """Send what has ended, within a few seconds, and stop."""
        if self._sending is not None:
            await self._sending
        await asyncio.to_thread(self._provider.shutdown)

    # Requests

    def begin(self, header: str | None) -> tuple[Span, str]:
        """Begin the span of a request, in the trace of its header or in one of its own; and the header of that span."""
        span = self._tracer.start_span("request", context_in(header), SpanKind.SERVER)
        return span, header_of(trace.set_span_in_context(span, Context()))

    def end_request(self, span: Span, name: str, told: Mapping[str, Any]) -> None:
        """Send the span of a request that was answered just now."""
        span.update_name(name)
        span.set_attributes(told)
        if told["http.response.status_code"] >= SERVER_FAULT:
            span.set_status(StatusCode.ERROR)
        span.end()

    def keep(self, tx: Transaction, run_id: str, headers: Mapping[str, str]) -> None:
        """Remember the request that a run came with, in the transaction that accepts the run."""
        given = {name.lower(): value for name, value in headers.items()}
        if header := header_of(context_in(given.get(TRACEPARENT))):
            tx.execute("INSERT INTO traces (run_id, parent) VALUES ($1, $2)", (run_id, header))

    # Runs

    def hear(self, event: Event, row: About) -> None:
        """Send the span of a stage, attempt or run that has ended, as soon as its run's request is known."""
        if row is None or not isinstance(event.data, RunEnded | StageEnded | AttemptEnded):
            return
        self._heard.append((event, row))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_heard())

    async def _send_heard(self) -> None:
        while self._heard:
            event, row = self._heard.popleft()
            await self._find_request(row.run_id)
            self._send(event, row)

    def _send(self, event: Event, row: PartRow | RunLine) -> None:
        match event.data, row:
            case RunEnded(), RunLine():
                asked = {"schema": row.schema, "output_config": row.output_config}
                self._send_ended(row, "", self._requests[row.run_id], "run", asked)
            case StageEnded(), StageRow() if row.state != "skipped":
                above = self._context_of(row.run_id, "")
                self._send_ended(row, row.stage, above, f"stage {row.stage}", {"stage": row.stage})
            case AttemptEnded(), AttemptRow():
                place = f"{row.stage}/{row.take}/{row.attempt}"
                told: dict[str, Any] = {"stage": row.stage, "take": row.take, "attempt": row.attempt}
                told |= {"backend": row.backend or "", "prompt_id": row.prompt_id or ""}
                self._send_ended(row, place, self._context_of(row.run_id, row.stage), f"attempt {row.attempt}", told)
                self._send_nodes(row, place)

    def _send_ended(
        self, row: PartRow | RunLine, place: str, above: Context, name: str, told: Mapping[str, Any]
    ) -> None:
        begun_at = row.created_at if isinstance(row, RunLine) else row.started_at
        error = row.error if isinstance(row, RunLine) else row.result.error
        named = {"run_id": row.run_id, "status": row.state, **told, **({"error": error.code} if error else {})}
        span = self._begin_span(place, above, name, begun_at, named)
        if row.state in BADLY:
            span.set_status(StatusCode.ERROR, error.code if error else None)
        span.end(max(_nanoseconds(begun_at), _nanoseconds(row.ended_at or begun_at)))

    def _send_nodes(self, row: AttemptRow, place: str) -> None:
        for number, node in enumerate(row.result.nodes):
            told = {"run_id": row.run_id, "node": node.node, "class_type": node.class_type or ""}
            above, name = self._context_of(row.run_id, place), f"node {node.class_type or node.node}"
            span = self._begin_span(f"{place}/{number}", above, name, node.started_at, told)
            span.end(_nanoseconds(node.started_at) + round(node.seconds * 1e9))

    def _begin_span(self, place: str, above: Context, name: str, begun_at: str, told: Mapping[str, Any]) -> Span:
        named = {f"tonewright.{key}": value for key, value in told.items()}
        token = self._ids.of_run.set(self._ids_of(told["run_id"], place))
        try:
            return self._tracer.start_span(name, above, attributes=named, start_time=_nanoseconds(begun_at))
        finally:
            self._ids.of_run.reset(token)

    def _context_of(self, run_id: str, place: str) -> Context:
        """Return the context of the run ('') or one of its places, in which a span below it begins."""
        return trace.set_span_in_context(trace.NonRecordingSpan(self._ids_of(run_id, place)), Context())

    def _ids_of(self, run_id: str, place: str) -> SpanContext:
        """Return the ids of a run's place, whether its span was sent or not."""
        request = trace.get_current_span(self._requests[run_id]).get_span_context()
        trace_id = request.trace_id or int.from_bytes(_digest(run_id)[:16])
        span_id = int.from_bytes(_digest(f"{run_id}/{place}")[:8]) or 1
        flags = request.trace_flags if request.is_valid else TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)

    async def _find_request(self, run_id: str) -> None:
        """Find the context of the request that a run came with; an empty one where it came with none."""
        if run_id in self._requests:
            return
        header = None
        try:
            sql = "SELECT parent FROM traces WHERE run_id = $1"
            rows = await self._db.read(lambda tx: tx.rows(sql, run_id))
            header = rows[0]["parent"] if rows else None
        except DatabaseGone as e:
            log.warning("the trace of %s begins anew: %s", run_id, e)
        if len(self._requests) >= REMEMBERED:
            self._requests.clear()
        self._requests[run_id] = context_in(header)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _nanoseconds(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000) * 1_000_000
