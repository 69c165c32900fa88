from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from devserver.backends.pool import Address, Backend
from devserver.definitions.current import Definitions
from devserver.durable.bus import Bus
from devserver.durable.database import Database
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult
from devserver.model.rows import Place
from devserver.model.server import QueueState
from devserver.queueing.tickets import Tickets
from devserver.system.clock import Clock
from devserver.watching.listening import watch
from devserver.watching.metrics import Metrics
from tests.devserver.plans import AT, add_run
from tests.doubles.at_once import AtOnce, JournalAtOnce, execute
from tests.doubles.entities import make_entity


@dataclass
class Read:
    """Metrics as a scrape finds them."""

    metrics: Metrics

    async def value(self, name: str, **labels: str) -> float | None:
        """The value of one sample; None where there is none."""
        body = (await self.metrics.render())[0].decode()
        samples = [sample for family in text_string_to_metric_families(body) for sample in family.samples]
        return next((s.value for s in samples if s.name == f"tonewright_{name}" and s.labels == labels), None)


@pytest.fixture
def backends() -> list[Backend]:
    return []


@pytest.fixture
def read(
    journal: JournalAtOnce, database: Database, bus: Bus, definitions: Definitions, backends: list[Backend]
) -> Read:
    metrics = Metrics(database, bus, Clock(), catalog=lambda: definitions.catalog, backends=lambda: backends)
    watch(journal.journal, [metrics])
    return Read(metrics)


def add(journal: JournalAtOnce, number: int, output: str) -> Place:
    run_id = f"20240131-235959-{number:08x}"
    at: Any = {"user_id": "local", "title": "x", "schema": "plain", "plan": "{}", "created_at": AT}
    journal.add_run(run_id, output_config=output, **at)
    return Place(run_id, journal.begin_run(run_id).generation)


async def test_runs_are_counted_by_status_and_config(journal: JournalAtOnce, read: Read) -> None:
    for number, output in enumerate(["acestep_song", "acestep_song", "acestep_song, ltx_video", "deleted_since"]):
        journal.end_run(add(journal, number, output), "success" if number != 1 else "failed", AT, None)
    add(journal, 9, "acestep_song")
    assert await read.value("runs_ended_total", status="success", config="acestep_song") == 1
    assert await read.value("runs_ended_total", status="failed", config="acestep_song") == 1
    assert await read.value("runs_ended_total", status="success", config="several") == 1
    assert await read.value("runs_ended_total", status="success", config="other") == 1
    assert await read.value("runs_accepted_total", config="acestep_song") == 3
    assert (await read.value("runs", status="running"), await read.value("runs", status="queued")) == (1, 0)


async def test_no_run_and_no_name_of_a_user_becomes_a_label(journal: JournalAtOnce, read: Read) -> None:
    place = add(journal, 1, "a config that nobody has")
    for stage in ("generation", "generation_2", "generation_flac", "a stage that nobody has"):
        journal.begin_stage(replace(place, stage=stage))
        journal.end(replace(place, stage=stage), "success")
    journal.end_run(place, "success", AT, None)
    body = (await read.metrics.render())[0].decode()
    assert place.run_id not in body
    assert "nobody has" not in body
    assert await read.value("stage_seconds_count", stage="generation") == 3
    assert await read.value("stage_seconds_count", stage="other") == 1


async def test_a_skipped_stage_takes_no_time(journal: JournalAtOnce, read: Read) -> None:
    journal.skip(replace(add_run(journal), stage="safety_input"), "safety_level is off")
    assert await read.value("stage_seconds_count", stage="safety_input") is None


async def test_attempts_and_why_they_were_made_again(journal: JournalAtOnce, read: Read) -> None:
    place = replace(add_run(journal), stage="generation", take=1)
    for attempt, error in enumerate(["prompt_lost", "prompt_lost", "out_of_memory", ""], start=1):
        journal.begin_attempt(replace(place, attempt=attempt), backend="embedded")
        result = AttemptResult(error=Failure(code=error, message="")) if error else None
        journal.end(replace(place, attempt=attempt), "lost" if error else "success", result)
    assert await read.value("retries_total", reason="prompt_lost") == 2
    assert await read.value("retries_total", reason="out_of_memory") == 1
    assert await read.value("attempts_ended_total", backend="embedded", status="lost") == 3
    assert await read.value("attempts_ended_total", backend="embedded", status="success") == 1


async def test_the_way_of_a_file_is_counted(journal: JournalAtOnce, read: Read) -> None:
    place = add_run(journal)
    for name, way in (("07_a.mp3", "view"), ("08_b.mp3", "view"), ("09_c.mp3", "shared_folder")):
        journal.add_event(place, make_entity(name, collected=way), key=name)
    journal.add_event(place, make_entity("04_interception.txt"), key="04_interception.txt")
    assert await read.value("files_collected_total", way="view") == 2
    assert await read.value("files_collected_total", way="shared_folder") == 1
    assert await read.value("events_total", kind="entity") == 4


async def test_the_queue_tells_how_long_it_is_and_how_long_the_first_waits(
    journal: JournalAtOnce, database: Database, read: Read
) -> None:
    assert await read.value("queue_depth", backend="any") is None
    tickets = AtOnce(database, Tickets())
    for number in range(3):
        tickets.ask(replace(add(journal, number, ""), stage="generation", take=1))
    tickets.bind(tickets.listed()[0].key, "gpu", "", "")
    execute(database, "UPDATE tickets SET asked_at = '2024-01-31T00:00:00.000Z'")
    assert await read.value("queue_depth", backend="any") == 2
    assert (await read.value("queue_oldest_seconds", backend="any") or 0) > 3600


async def test_backends_are_up_or_not_and_have_prompts(
    journal: JournalAtOnce, read: Read, backends: list[Backend]
) -> None:
    backends += [Backend(Address(name, "comfyui", "http://127.0.0.1:9")) for name in ("gpu", "idle")]
    place = replace(add_run(journal), stage="generation", take=1)
    for attempt in (1, 2):
        journal.begin_attempt(replace(place, attempt=attempt), backend="gpu")
    journal.end(replace(place, attempt=1), "lost")
    assert (await read.value("backend_up", backend="gpu"), await read.value("backend_up", backend="idle")) == (0, 0)
    assert (
        await read.value("backend_prompts", backend="gpu"),
        await read.value("backend_prompts", backend="idle"),
    ) == (1, 0)
    for backend in backends:
        await backend.close()


async def test_listeners_and_passing_events_are_counted(bus: Bus, read: Read) -> None:
    subscriptions = [bus.subscribe(), bus.subscribe("20240131-235959-00000001")]
    assert await read.value("listeners") == 2
    for subscription in subscriptions:
        subscription.close()
    assert await read.value("listeners") == 0
    bus.tell(None, QueueState())
    assert await read.value("passing_events_total", kind="queue") == 1


async def test_what_cannot_be_counted_ends_no_run(
    journal: JournalAtOnce, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    read.metrics._catalog = lambda: None  # type: ignore[assignment,return-value] # a definition that vanished, say
    place = add(journal, 1, "acestep_song")
    journal.end_run(place, "success", AT, None)
    row = journal.run(place.run_id)
    assert row is not None
    assert row.ended
    assert "was not heard" in caplog.text


async def test_each_has_counts_of_its_own(database: Database, bus: Bus, definitions: Definitions, read: Read) -> None:
    read.metrics._events.labels("entity").inc()
    other = Metrics(database, bus, Clock(), catalog=lambda: definitions.catalog, backends=list)
    assert await Read(other).value("events_total", kind="entity") is None


async def test_openmetrics_where_it_is_asked_for(read: Read) -> None:
    assert (await read.metrics.render())[1].startswith("text/plain")
    body, content_type = await read.metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
