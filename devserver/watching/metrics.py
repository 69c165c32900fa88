"""Metrics for Prometheus: events are counted when they happen, states are read when it asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from devserver.backends.pool import Backend
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.durable.search import RunLine
from devserver.durable.sql import Row
from devserver.model.entity import Entity
from devserver.model.events import AttemptEnded, AttemptStarted, Event, RunEnded, RunQueued, StageEnded
from devserver.model.rows import AttemptRow, StageRow, seconds_between
from devserver.system.clock import Clock
from devserver.watching.listening import About
from schemas.catalog import Catalog

# From a text stage's ten milliseconds to a film's hour.
SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
NONE: Final = "none"  # a run that makes a text alone
SEVERAL: Final = "several"  # configs of one run
OTHER: Final = "other"  # of a name that no definition has now
UNKNOWN: Final = "unknown"
RUNS: Final = "SELECT state, count(*) AS runs FROM runs WHERE state IN ('queued', 'running') GROUP BY state"
ANY: Final = "any"  # takes wait for all backends together
QUEUE: Final = "SELECT count(*) AS tickets, min(asked_at) AS oldest FROM tickets WHERE held = 0"
PROMPTS: Final = (
    "SELECT stages.backend, count(*) AS prompts FROM runs JOIN stages ON stages.run_id = runs.run_id"
    " WHERE runs.state = 'running' AND stages.attempt > 0 AND stages.state = 'running' GROUP BY stages.backend"
)


class Metrics:
    """Counts what it hears; tells it together with what is so now. Each has a registry of its own.

    Label values are the names of definitions and of configured backends, and words of ours: there are only so many.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        *,
        catalog: Callable[[], Catalog],
        backends: Callable[[], Sequence[Backend]],
    ) -> None:
        self._catalog = catalog
        self.registry = CollectorRegistry()
        own: Any = {"registry": self.registry, "namespace": "tonewright"}
        self._accepted = Counter("runs_accepted", "Runs that were accepted.", ["config"], **own)
        self._ended = Counter("runs_ended", "Runs that have ended.", ["status", "config"], **own)
        text = "How long a stage took, waiting for its turn at a backend included."
        self._stages = Histogram("stage_seconds", text, ["stage"], buckets=SECONDS, **own)
        self._attempts = Counter("attempts_ended", "Submissions that have ended.", ["backend", "status"], **own)
        self._retries = Counter("retries", "Takes that were tried again, by why.", ["reason"], **own)
        self._collected = Counter("files_collected", "Files taken over from backends, by the way.", ["way"], **own)
        self._events = Counter("events", "Events that were stored.", ["kind"], **own)
        ProcessCollector(registry=self.registry)
        self._state = State(database, bus, clock, backends)

    def hear(self, event: Event, row: About) -> None:
        """Count an event."""
        self._events.labels(event.kind).inc()
        match event.data, row:
            case RunQueued(), _:
                self._accepted.labels(self._config(event.data.output_config)).inc()
            case RunEnded(), RunLine():
                self._ended.labels(row.state, self._config(row.output_config)).inc()
            case StageEnded(), StageRow() if row.state != "skipped":
                seconds = seconds_between(row.started_at, row.ended_at) or 0.0
                self._stages.labels(self._stage(row.stage)).observe(seconds)
            case AttemptStarted(), AttemptRow():
                code = row.result.error.code if row.result.error else ""
                self._retries.labels(code or row.state).inc()
            case AttemptEnded(), AttemptRow():
                self._attempts.labels(row.backend or UNKNOWN, row.state).inc()
            case Entity(collected=str(way)), _:
                self._collected.labels(way).inc()

    def _config(self, names: str) -> str:
        if not names or ", " in names:
            return SEVERAL if names else NONE
        return names if names in self._catalog().outputs else OTHER

    def _stage(self, name: str) -> str:
        """Return the pipeline's stage, without what a second output or another format adds to its name."""
        known = {stage.name for pipeline in self._catalog().pipelines.values() for stage in pipeline.stages}
        parts = name.split("_")
        shorter = ("_".join(parts[:length]) for length in range(len(parts), 0, -1))
        return next((one for one in shorter if one in known), OTHER)

    async def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return everything in the form of Prometheus, with its content type."""
        state = await self._state.read()
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, _Told([*self.registry.collect(), *state])), content_type


@dataclass(frozen=True)
class _Told:
    """Families for the encoder."""

    families: Sequence[Metric]

    def collect(self) -> Iterator[Metric]:
        """Yield every family, without the times at which counters began: they would be as many lines again."""
        for family in self.families:
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


class State:
    """States at the moment of a scrape. Processes that share a journal report the same ones."""

    def __init__(self, database: Database, bus: Bus, clock: Clock, backends: Callable[[], Sequence[Backend]]) -> None:
        self._db, self._bus, self._clock, self._backends = database, bus, clock, backends

    async def read(self) -> list[Metric]:
        """Return the families of what is so now."""
        runs, queue, prompts = await self._db.read(lambda tx: (tx.rows(RUNS), tx.rows(QUEUE), tx.rows(PROMPTS)))
        return list(self._families(runs, queue, prompts))

    def _families(self, runs: Sequence[Row], queue: Sequence[Row], prompts: Sequence[Row]) -> Iterator[Metric]:
        counted = {row["state"]: row["runs"] for row in runs}
        unfinished = [(state, counted.get(state, 0)) for state in ("queued", "running")]
        yield _gauge("runs", "Runs that have not ended.", ["status"], unfinished)
        waiting = [(ANY, row["tickets"]) for row in queue if row["tickets"]]
        yield _gauge("queue_depth", "Takes that wait for their turn at a backend.", ["backend"], waiting)
        ages = [(ANY, self._age(row["oldest"])) for row in queue if row["tickets"]]
        yield _gauge("queue_oldest_seconds", "How long the first of them has waited.", ["backend"], ages)
        of_us = {
            **{backend.name: 0 for backend in self._backends()},
            **{row["backend"]: row["prompts"] for row in prompts},
        }
        yield _gauge("backend_prompts", "Prompts that a backend has of us.", ["backend"], sorted(of_us.items()))
        up = [(backend.name, float(backend.up)) for backend in self._backends()]
        yield _gauge("backend_up", "Whether a backend answers and its nodes are known.", ["backend"], up)
        listening = [("", self._bus.listening)]
        yield _gauge("listeners", "Event streams, and requests that wait for their run.", [], listening)
        passing = CounterMetricFamily("tonewright_passing_events", "Events that were not stored.", labels=["kind"])
        for kind, count in sorted(self._bus.unstored.items()):
            passing.add_metric([kind], count)
        yield passing

    def _age(self, asked_at: str) -> float:
        return seconds_between(asked_at, self._clock.stamp()) or 0.0


def _gauge(name: str, text: str, labels: list[str], values: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"tonewright_{name}", text, labels=labels)
    for label, value in values:
        gauge.add_metric([label] if labels else [], value)
    return gauge
