"""The takes of a graph stage: what is finished is skipped, what failed stays failed, decisions are written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from devserver.definitions.current import Definitions
from devserver.errors import StageError
from devserver.model.failure import Failure
from devserver.model.plan import MediaStage
from devserver.model.results import AttemptResult, TakeResult
from devserver.model.rows import Place, TakeRow
from devserver.queueing.tickets import Ticket
from devserver.stages.graph import takes
from devserver.stages.graph.again import SERVER_STOPPED
from devserver.stages.graph.formats import conversion
from devserver.stages.graph.job import Job
from devserver.stages.graph.takes import run_graph
from devserver.stages.inputs import Inputs
from devserver.stages.walk import Walk
from tests.comfy import backend as scripted
from tests.devserver.plans import RUN_ID
from tests.devserver.stages.graph.test_choose import SILENCE, let_know, with_fallback
from tests.doubles.entities import make_entity
from tests.doubles.pools import add_backend
from tests.patience import PATIENCE_S


@pytest.fixture
async def walk(walk: Walk) -> AsyncIterator[Walk]:
    yield walk
    walk.ledger.close()
    await walk.tools.turns.close()
    await walk.tools.pool.close()


@pytest.fixture
def stage(walk: Walk) -> MediaStage:
    return walk.plan.media[0]


async def run(walk: Walk, stage: MediaStage, *entities: Any) -> int:
    inputs = Inputs(stage.inputs, entities, {}, Path("/exports"))
    return (await asyncio.wait_for(run_graph(walk, stage, inputs), PATIENCE_S)).takes


async def begin(walk: Walk, take: int = 1) -> Place:
    """Begin a take in the journal."""
    place = walk.place("generation", take)
    await walk.ledger.write(lambda writing: writing.begin_take(place))
    return place


async def second(walk: Walk) -> Walk:
    """The next walk of the same run."""
    return Walk(await walk.tools.journal.begin_run(RUN_ID), walk.plan, walk.tools, asyncio.Event())


async def take_of(walk: Walk) -> TakeRow:
    row = await walk.read(lambda reading: reading.stage(walk.place("generation", 1)))
    assert isinstance(row, TakeRow)
    return row


async def test_what_an_earlier_walk_has_finished_is_not_made_again_and_what_was_added_counts(
    walk: Walk, stage: MediaStage
) -> None:
    for take in (1, 2):
        await begin(walk, take)
        await walk.ledger.end(walk.place("generation", take), "success")
    assert await run(await second(walk), stage) == 2


async def test_what_has_failed_for_good_stays_failed(walk: Walk, stage: MediaStage) -> None:
    place = await begin(walk)
    await walk.ledger.end(place, "failed", TakeResult(error=Failure(code="node_failed", message="no", status=502)))
    with pytest.raises(StageError, match="no") as caught:
        await run(await second(walk), stage)
    assert caught.value.code == "node_failed"


@pytest.fixture
def _refusing(walk: Walk, host: scripted.Backend) -> None:
    """A backend that refuses every prompt."""

    async def refuse(_: web.Request) -> web.StreamResponse:
        errors = {"2": {"errors": [{"type": "x", "message": "Required input is missing", "details": "quality"}]}}
        return web.json_response({"error": {"type": "x", "message": "no"}, "node_errors": errors}, status=400)

    host.answers["POST", "/prompt"] = refuse
    add_backend(walk.tools.pool, classes=SILENCE, url=host.url)


@pytest.mark.usefixtures("_refusing")
async def test_what_was_decided_is_written_down_before_the_first_attempt_and_its_end_ends_the_take(
    walk: Walk, stage: MediaStage
) -> None:
    with pytest.raises(StageError) as caught:
        await run(walk, stage)
    assert caught.value.code == "graph_refused"
    row = await take_of(walk)
    assert (row.state, row.result.error and row.result.error.code) == ("failed", "graph_refused")
    assert (row.result.config_used, row.result.variant, row.result.backend) == ("silence_mp3", "silence_mp3", "gpu")
    assert row.result.values == stage.output.options[0].takes[0]
    graph = json.loads((walk.tools.exports.folder(RUN_ID) / "06_graph.json").read_text())
    assert graph["2"]["class_type"] == "SaveAudioMP3"


@pytest.mark.usefixtures("_refusing")
async def test_a_take_that_is_past_its_time_ends_by_that(walk: Walk, stage: MediaStage) -> None:
    place = await begin(walk)
    await walk.ledger.write(lambda writing: writing.keep_worked(place, stage.output.run_timeout_s))
    with pytest.raises(StageError, match="The run took longer than") as caught:
        await run(await second(walk), stage)
    assert (caught.value.code, caught.value.status) == ("run_timeout", 504)


@pytest.mark.parametrize("cancelled", [True, False])
async def test_a_cancelled_run_ends_its_takes_and_a_server_that_stops_leaves_them(
    walk: Walk, stage: MediaStage, *, cancelled: bool
) -> None:
    add_backend(walk.tools.pool, state="unknown")  # it is waited for
    running = asyncio.create_task(run(walk, stage))
    async with asyncio.timeout(PATIENCE_S):
        while not await walk.read(lambda reading: reading.warnings(RUN_ID)):  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0)
    if cancelled:
        walk.cancelled.set()
    running.cancel()
    await asyncio.wait({running})
    assert (await take_of(walk)).state == ("cancelled" if cancelled else "running")


@pytest.mark.parametrize(("saved", "warned"), [("mp3", []), ("ogg", ["format_left_out"])])
async def test_no_other_form_is_made_of_a_file_that_has_it_or_that_has_lost_too_much(
    walk: Walk, stage: MediaStage, definitions: Definitions, saved: str, warned: list[str]
) -> None:
    made = conversion(definitions.catalog, stage, "mp3")
    assert await run(walk, made, make_entity(f"07_output_audio.{saved}")) == 0
    assert [one.code for one in await walk.read(lambda reading: reading.warnings(RUN_ID))] == warned


@pytest.mark.usefixtures("_refusing")
async def test_an_attempt_whose_backend_is_gone_is_made_elsewhere_under_the_same_number(
    walk: Walk, stage: MediaStage
) -> None:
    attempt = walk.place("generation", 1, 1)
    await walk.ledger.write(lambda writing: writing.begin_take(replace(attempt, attempt=0)))
    decided = AttemptResult(config="silence_mp3", variant="silence_mp3")
    await walk.ledger.write(lambda writing: writing.begin_attempt(attempt, backend="gone", result=decided))
    with pytest.raises(StageError):
        await run(await second(walk), stage)
    rows = await walk.tools.journal.stages(RUN_ID)
    assert [(row.attempt, row.state) for row in rows if row.attempt] == [(1, "failed")]


async def tickets(walk: Walk) -> list[Ticket]:
    """Return the tickets once the take has asked for its turn."""
    return await walk.tools.journal.read(lambda reading: walk.tools.expected.tickets.listed(reading.tx))


async def until_so(walk: Walk, is_so: Callable[[list[Ticket]], bool]) -> Ticket:
    """Wait until the only ticket is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not ((found := await tickets(walk)) and is_so(found)):  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0)
    (ticket,) = found
    return ticket


async def pause(walk: Walk, backend: str = "") -> None:
    await walk.tools.journal.write(lambda writing: walk.tools.expected.tickets.pause(writing.tx, backend))


async def resume(walk: Walk) -> None:
    await walk.tools.journal.write(lambda writing: walk.tools.expected.tickets.resume(writing.tx))
    walk.tools.turns.grant_turns()


async def codes(walk: Walk) -> list[str]:
    return [one.code for one in await walk.read(lambda reading: reading.warnings(RUN_ID))]


@pytest.mark.usefixtures("_refusing")
async def test_graph_and_values_are_written_when_the_take_goes_to_a_backend(walk: Walk, stage: MediaStage) -> None:
    await pause(walk)
    running = asyncio.create_task(run(walk, stage))
    ticket = await until_so(walk, lambda found: not found[0].held)
    graph = walk.tools.exports.folder(RUN_ID) / "06_graph.json"
    assert (ticket.backend, ticket.work.config, graph.exists()) == ("", "silence_mp3", False)
    assert (await take_of(walk)).result.config_used is None
    await resume(walk)
    with pytest.raises(StageError):
        await running
    assert graph.exists()
    assert (await take_of(walk)).result.backend == "gpu"


async def test_a_take_that_no_backend_can_make_any_more_keeps_its_place_and_says_that_it_waits(
    walk: Walk, stage: MediaStage
) -> None:
    backend = add_backend(walk.tools.pool, "away", classes=SILENCE)
    await pause(walk)
    running = asyncio.create_task(run(walk, stage))
    before = await until_so(walk, lambda found: not found[0].held)
    backend.state = "unknown"
    walk.tools.turns.grant_turns()
    async with asyncio.timeout(PATIENCE_S):
        while await codes(walk) != ["backend_silent"]:  # noqa: ASYNC110 - nothing else tells it
            await asyncio.sleep(0)
    waiting = await until_so(walk, lambda found: not found[0].held)
    assert (waiting.place, waiting.asked_at) == (before.place, before.asked_at)
    add_backend(walk.tools.pool, "other", classes=SILENCE)
    walk.tools.pool._changed.set()
    await resume(walk)
    assert (await until_so(walk, lambda found: found[0].held)).backend == "other"
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.usefixtures("_refusing")
async def test_a_take_that_no_backend_fits_any_more_falls_back_and_says_so(
    walk: Walk, stage: MediaStage, host: scripted.Backend
) -> None:
    other = add_backend(walk.tools.pool, "zithers", classes={"Zither": {"input": {}}}, url=let_know(host, SILENCE))
    await pause(walk, "zithers")
    stage = stage.model_copy(update={"output": with_fallback(stage.output)})
    running = asyncio.create_task(run(walk, stage))
    await until_so(walk, lambda found: found[0].work.config == "zither")
    other.table = walk.tools.pool.backends[0].table  # it was started again without its pack of nodes
    walk.tools.turns.grant_turns()
    with pytest.raises(StageError):
        await running
    assert await codes(walk) == ["fallback"]
    assert ((row := await take_of(walk)).result.config_used, row.result.backend) == ("silence_mp3", "gpu")


@pytest.mark.usefixtures("_refusing")
async def test_a_graph_that_another_variant_replaces_is_the_one_that_is_listed(walk: Walk, stage: MediaStage) -> None:
    attempt = walk.place("generation", 1, 1)
    await walk.ledger.write(lambda writing: writing.begin_take(replace(attempt, attempt=0)))
    await walk.keep(walk.place("generation"), 6, "graph", "06_graph.json", b'{"of": "another variant"}')
    await walk.ledger.write(lambda writing: writing.begin_attempt(attempt, backend="gone", result=AttemptResult()))
    lost = AttemptResult(error=Failure(code=SERVER_STOPPED, message="it stopped"))
    await walk.ledger.end(attempt, "lost", lost)
    with pytest.raises(StageError):
        await run(await second(walk), stage)
    content = (walk.tools.exports.folder(RUN_ID) / "06_graph.json").read_bytes()
    entities = await walk.read(lambda reading: reading.entities(RUN_ID))
    (graph,) = [one for one in entities if one.filename == "06_graph.json"]
    assert (graph.sha256, graph.bytes) == (sha256(content).hexdigest(), len(content))


async def test_a_failure_is_held_against_its_backend_before_the_place_there_is_given_to_another_take(
    walk: Walk, stage: MediaStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("gpu", "other"):
        add_backend(walk.tools.pool, name, classes=SILENCE)
    breakers, refused = walk.tools.turns.breakers, []

    async def fail(walk: Walk, job: Job, _before: object) -> None:
        config, variant = job.option.key
        result = AttemptResult(config=config, variant=variant)
        name = job.backend.name
        await walk.ledger.write(lambda writing: writing.begin_attempt(job.place, backend=name, result=result))
        error = Failure(code="node_failed", message="CUDA error", status=502)
        await walk.ledger.end(job.place, "failed", AttemptResult(error=error))

    def note_what_is_refused(*_: object) -> None:
        refused.append([name for name in ("gpu", "other") if breakers.refuses(name, stage.output.config)])

    monkeypatch.setattr(takes, "run_attempt", fail)
    monkeypatch.setattr(walk.tools.expected.tickets, "rest", note_what_is_refused)
    with pytest.raises(StageError, match="CUDA error"):
        await run(walk, stage)
    assert refused[0] == ["gpu"]
