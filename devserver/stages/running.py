"""Running one stage: skipped, begun, run by its kind, ended; whatever happens is written into the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from devserver.errors import Blocked, StageError
from devserver.errors.disk import ExportsFull, translate_disk_errors
from devserver.errors.sentences import say
from devserver.model.plan import StagePlan
from devserver.model.results import StageResult
from devserver.model.rows import Place, StageRow, StageState
from devserver.stages.inputs import Inputs
from devserver.stages.kind import StageKind
from devserver.stages.walk import Walk
from devserver.watching.logs import log_context

STOPS_ALLOWED: Final = 5
ROOM_PAUSE_S: Final = 5.0  # there is no event for a disk that has room again

Kinds = Mapping[str, StageKind]


async def run_stage(walk: Walk, kinds: Kinds, stage: StagePlan) -> None:
    """Run a stage, unless it is skipped or finished; its text is the walk's from then on.

    Raises:
        StageError: it failed, now or in an earlier walk.
    """
    log_context(stage=stage.name)
    ledger, place, kind = walk.ledger, walk.place(stage.name), kinds.get(stage.kind)
    if stage.skip:
        ledger.later(lambda writing: writing.skip(place, stage.skip))
        walk.texts[stage.name] = walk.text
        return
    try:
        row = await _begin(walk, place, at_work=kind is not None and kind.counts_stops)
        result = row.result if row and row.state != "running" else await _work(walk, kind, stage, row)
    except asyncio.CancelledError:
        if walk.cancelled.is_set():
            await ledger.end(place, "cancelled")
        raise
    if result.error is not None:
        raise StageError.from_failure(result.error)
    if result.text is not None:
        walk.text = result.text
    walk.texts[stage.name] = walk.text


async def _begin(walk: Walk, place: Place, *, at_work: bool) -> StageRow | None:
    """Begin a stage; return how it stands, None where that is not known yet: it begins for the first time.

    `at_work`: from now on a server that dies counts as one that died of it, so it is written down before.
    """
    if walk.is_first(place) and not at_work:
        walk.ledger.later(lambda writing: writing.begin_stage(place))
        return None
    return await walk.ledger.write(lambda writing: writing.begin_stage(place, at_work=at_work))


async def _work(walk: Walk, kind: StageKind | None, stage: StagePlan, row: StageRow | None) -> StageResult:
    """Do a stage's work; how it ends is written down, also where it fails."""
    place = walk.place(stage.name)
    state: StageState = "success"
    try:
        if row is not None:
            _check_stops(stage, row)
        result = walk.plan.recorded.get(stage.name) or await _result(walk, kind, stage)
    except StageError as e:
        e.details.setdefault("stage", stage.name)
        state, result = "blocked" if isinstance(e, Blocked) else "failed", StageResult(error=e.as_failure())
    walk.ledger.later(lambda writing: writing.end(place, state, result))
    return result


async def _result(walk: Walk, kind: StageKind | None, stage: StagePlan) -> StageResult:
    """Run a stage. Where the disk has no room for what it makes, wait and run it again: what is finished is skipped."""
    if kind is None:
        raise StageError(say("kind_missing", kind=stage.kind), code="kind_missing", status=500)
    inputs, waits = await _inputs(walk, stage), False
    while True:
        try:
            with translate_disk_errors():
                return await kind.run(walk, stage, inputs)
        except ExportsFull as e:
            place = walk.place(stage.name)
            if not waits:
                await walk.warn(place, say("exports_full", problem=e.said))
            waits = True
            await _rest(walk, place)


async def run_again(walk: Walk, kinds: Kinds, name: str) -> StageResult:
    """Run an earlier stage again: its kind skips what is finished."""
    stage = next(stage for stage in walk.plan.stages if stage.name == name)
    return await kinds[stage.kind].run(walk, stage, await _inputs(walk, stage))


async def _inputs(walk: Walk, stage: StagePlan) -> Inputs:
    """Return what a stage reads of earlier ones."""
    run_id, entities = walk.run.run_id, []
    if any(reference.role != "text" for reference in stage.inputs.values()):
        entities = await walk.read(lambda reading: reading.entities(run_id))
    return Inputs(stage.inputs, entities, walk.texts, walk.tools.exports.folder(run_id))


async def _rest(walk: Walk, place: Place) -> None:
    """Wait a moment; a server that dies meanwhile has not died of the stage."""
    row = await walk.read(lambda reading: reading.stage(place))
    await walk.ledger.write(lambda writing: writing.mark(place, None))
    await asyncio.sleep(ROOM_PAUSE_S)
    await walk.ledger.write(lambda writing: writing.mark(place, row.at_work if row else None))


def _check_stops(stage: StagePlan, row: StageRow) -> None:
    """Refuse to go on with what has taken the server down again and again."""
    if row.stops >= STOPS_ALLOWED:
        said = say("stopped_the_server", count=STOPS_ALLOWED, stage=stage.name)
        raise StageError(said, code="stopped_the_server", status=500)
