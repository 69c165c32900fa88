"""One trace for each run, from the request that it came with to the nodes that made it, for OpenTelemetry.

A span is sent when it ends, made of what the journal has. Its id follows from the run and the place, so that a server
that was started again goes on with the same trace, and so that a child may be sent before its parent.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from devserver.durable.database import Database
from devserver.durable.search import RunLine
from devserver.durable.sql import Transaction
from devserver.errors import PackageMissing
from devserver.events import Event
from devserver.runs.rows import AttemptRow, PartRow, StageRow
from devserver.watching.listening import Row

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

TRACEPARENT: Final = "traceparent"
FORM: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
SAMPLED: Final = 1
ROUTE: Final = "/v1/traces"
ANSWER_S: Final = 5.0  # how long a collector may take, also when the server ends
SERVER_FAULT: Final = 500
BADLY: Final = ("failed", "blocked", "lost")
REMEMBERED: Final = 1000  # runs whose parents are kept in memory


@dataclass(frozen=True)
class Parent:
    """Below what a span goes. `span_id` 0 is nothing: the span is the first of its trace."""

    trace_id: int
    span_id: int = 0
    sampled: bool = True

    @classmethod
    def read(cls, header: str | None) -> Parent | None:
        """The parent that a `traceparent` header names; None where it names none."""
        found = FORM.fullmatch((header or "").strip())
        if found is None or not int(found[1], 16) or not int(found[2], 16):
            return None
        return cls(int(found[1], 16), int(found[2], 16), bool(int(found[3], 16) & SAMPLED))

    def header(self) -> str:
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


@dataclass(frozen=True)
class Span:
    """Something that took time, below what, and how it ended."""

    name: str
    parent: Parent
    span_id: int
    begun_ns: int
    ended_ns: int
    told: Mapping[str, Any]
    failed: bool = False
    why: str = ""


@dataclass(frozen=True)
class Where:
    """A place within a run (a stage, an attempt; '' for the run itself), and what its span goes below."""

    place: str
    parent: Parent


def exporter_to(otlp_url: str) -> SpanExporter:
    """What sends spans to a collector, as protobuf over HTTP.

    Raises:
        PackageMissing: the extra `telemetry` is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as e:
        raise PackageMissing("otlp_url", "telemetry") from e
    url = otlp_url.rstrip("/")
    return OTLPSpanExporter(url if url.endswith(ROUTE) else url + ROUTE, timeout=ANSWER_S)


class Tracing:
    """Sends spans of what the journal of this process has written, and of requests.

    Args:
        exporter: gets the spans in batches, on a thread of its own.
    """

    def __init__(self, exporter: SpanExporter, database: Database) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._db = database
        self._exporter = exporter
        self._processor = BatchSpanProcessor(exporter)
        self._resource = Resource.create({"service.name": "tonewright"})
        self._scope = InstrumentationScope("tonewright")
        self._parents: dict[str, Parent] = {}

    def flush(self) -> None:
        """Send what has ended so far."""
        self._processor.force_flush()

    def close(self) -> None:
        """Send what has ended, within a few seconds, and stop."""
        self._processor.shutdown()  # type: ignore[no-untyped-call] # the package leaves it without types

    # Requests

    def join(self, header: str | None) -> tuple[Parent | None, Parent]:
        """What a request comes from, if anything, and itself: a new span in the same trace, or in one of its own."""
        above = Parent.read(header)
        if above is None:
            return None, Parent(secrets.randbits(128) or 1, secrets.randbits(64) or 1)
        return above, Parent(above.trace_id, secrets.randbits(64) or 1, above.sampled)

    def answered(self, name: str, above: Parent | None, own: Parent, begun_ns: int, told: Mapping[str, Any]) -> None:
        """Send the span of a request that was answered just now."""
        parent = above or Parent(own.trace_id, 0, own.sampled)
        failed = told["http.response.status_code"] >= SERVER_FAULT
        self._send(Span(name, parent, own.span_id, begun_ns, time.time_ns(), told, failed))

    def keep(self, db: Transaction, run_id: str, headers: Mapping[str, str]) -> None:
        """Remember the request that a run came with, in the transaction that accepts the run."""
        given = {name.lower(): value for name, value in headers.items()}
        parent = Parent.read(given.get(TRACEPARENT))
        if parent is not None:
            db.execute("INSERT INTO traces (run_id, parent) VALUES ($1, $2)", (run_id, parent.header()))

    # Runs

    def hear(self, event: Event, row: Row) -> None:
        """Send the span of a stage, attempt or run that has ended."""
        match event.kind, row:
            case "run.ended", RunLine():
                asked = {"schema": row.schema, "output_config": row.output_config}
                self._ended(row, "run", Where("", self._parent(row.run_id)), asked)
            case "stage.ended", StageRow() if row.state != "skipped":
                where = Where(row.stage, self._below(row.run_id, ""))
                self._ended(row, f"stage {row.stage}", where, {"stage": row.stage})
            case "attempt.ended", AttemptRow():
                place = f"{row.stage}/{row.take}/{row.attempt}"
                told: dict[str, Any] = {"stage": row.stage, "take": row.take, "attempt": row.attempt}
                told |= {"backend": row.backend or "", "prompt_id": row.prompt_id or ""}
                where = Where(place, self._below(row.run_id, row.stage))
                self._ended(row, f"attempt {row.attempt}", where, told)
                self._nodes(row, place)

    def _ended(self, row: PartRow | RunLine, name: str, where: Where, told: Mapping[str, Any]) -> None:
        begun_at = row.created_at if isinstance(row, RunLine) else row.started_at
        begun_ns = _nanoseconds(begun_at)
        ended_ns = max(begun_ns, _nanoseconds(row.ended_at or begun_at))
        error = row.error if isinstance(row, RunLine) else row.result.error
        code = error.code if error else ""
        named = _named({"run_id": row.run_id, "status": row.state, **told, **({"error": code} if code else {})})
        span_id = _span_id(row.run_id, where.place)
        self._send(Span(name, where.parent, span_id, begun_ns, ended_ns, named, row.state in BADLY, code))

    def _nodes(self, row: AttemptRow, place: str) -> None:
        for number, node in enumerate(row.result.nodes):
            begun_ns = _nanoseconds(node.started_at)
            name = f"node {node.class_type or node.node}"
            told = _named({"run_id": row.run_id, "node": node.node, "class_type": node.class_type or ""})
            ended_ns = begun_ns + round(node.seconds * 1e9)
            span_id = _span_id(row.run_id, f"{place}/{number}")
            self._send(Span(name, self._below(row.run_id, place), span_id, begun_ns, ended_ns, told))

    def _below(self, run_id: str, place: str) -> Parent:
        """What goes below the run ('') or one of its places."""
        parent = self._parent(run_id)
        return Parent(parent.trace_id, _span_id(run_id, place), parent.sampled)

    def _parent(self, run_id: str) -> Parent:
        """What the run itself goes below: the request that it came with, or nothing in a trace of its own."""
        if run_id not in self._parents:
            rows = self._db.rows("SELECT parent FROM traces WHERE run_id = $1", run_id)
            kept = Parent.read(rows[0]["parent"]) if rows else None
            if len(self._parents) >= REMEMBERED:
                self._parents.clear()
            self._parents[run_id] = kept or Parent(int.from_bytes(hashlib.sha256(run_id.encode()).digest()[:16]))
        return self._parents[run_id]

    def _send(self, span: Span) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

        parent, flags = span.parent, TraceFlags(TraceFlags.SAMPLED)
        if not parent.sampled:
            return
        above = SpanContext(parent.trace_id, parent.span_id, is_remote=True, trace_flags=flags)
        ended = ReadableSpan(
            span.name,
            SpanContext(parent.trace_id, span.span_id, is_remote=False, trace_flags=flags),
            above if parent.span_id else None,
            self._resource,
            dict(span.told),
            kind=SpanKind.SERVER if "http.request.method" in span.told else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.why or None) if span.failed else Status(),
            start_time=span.begun_ns,
            end_time=span.ended_ns,
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(ended)


def _span_id(run_id: str, place: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{run_id}/{place}".encode()).digest()[:8]) or 1


def _named(told: Mapping[str, Any]) -> dict[str, Any]:
    return {f"tonewright.{name}": value for name, value in told.items()}


def _nanoseconds(stamp: str) -> int:
    return round(datetime.fromisoformat(stamp).timestamp() * 1000) * 1_000_000
