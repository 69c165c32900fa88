"""The takes of a graph stage: what is finished is skipped, what failed stays failed, decisions are written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
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
from devserver.stages.graph.formats import conversion
from devserver.stages.graph.takes import run_graph
from devserver.stages.inputs import Inputs
from devserver.stages.walk import Walk
from tests.comfy import backend as scripted
from tests.devserver.plans import RUN_ID
from tests.devserver.stages.graph.test_choose import SILENCE
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
