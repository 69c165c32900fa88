"""The walk of a run, top to bottom: every stage in order, skipping what is finished, to an end that is written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Final

from devserver.errors import Blocked, DatabaseGone, Fenced, RunCancelled, StageError
from devserver.errors.disk import ExportsFull, disk_trouble, told_of_disk
from devserver.model.failure import Failure
from devserver.model.plan import MediaStage, StagePlan, read_plan
from devserver.model.results import StageResult
from devserver.model.rows import Place, RunState, StageRow, StageState
from devserver.runs import record
from devserver.stages.inputs import Inputs
from devserver.stages.kind import StageKind
from devserver.stages.text.ask import make_room
from devserver.stages.walk import Tools, Walk
from devserver.watching.logs import at

log = logging.getLogger(__name__)

Kinds = Mapping[str, StageKind]

STOPS_ALLOWED: Final = 5
ROOM_PAUSE_S: Final = 5.0  # nobody tells that a disk has room again


async def walk_run(run_id: str, tools: Tools, kinds: Kinds, cancelled: asyncio.Event) -> None:
    """Walk one run from wherever it stands to its end. Cancelling the task leaves it to be taken up again."""
    at(run_id=run_id)
    try:
        run = await tools.journal.begin_run(run_id)
    except Fenced as e:
        log.debug("%s", e)
        return
    if run.cancel:
        cancelled.set()
    plan = read_plan(run.plan)
    walk = Walk(run, plan, tools, cancelled, plan.input_text)
    walk.run_stage = partial(_run_again, walk, kinds)
    if run.generation > 1:
        await tools.turns.give_back_ended(walk.place())
    kept = record.Keeper(tools.journal, tools.exports, run_id)
    try:
        try:
            state, error = await _to_its_end(walk, kinds, kept)
        finally:
            await kept.settle()
        await record.finish(walk, state, error)
    except Fenced:
        await _leave(walk)
    except asyncio.CancelledError:
        if not await tools.journal.leases.owns(run_id, run.generation):
            await _leave(walk)
        raise
    finally:
        walk.ledger.close()


async def _to_its_end(walk: Walk, kinds: Kinds, kept: record.Keeper) -> tuple[RunState, Failure | None]:
    """Walk, and tell how the run ends. What ends only this walk is raised: the run is fenced, or cannot be written."""
    try:
        if walk.run.generation > 1:
            with told_of_disk():
                await asyncio.to_thread(walk.tools.exports.clear_parts, walk.run.run_id)
        await _until_cancelled(walk, kinds, kept)
    except Blocked as e:
        return "blocked", _told(e)
    except RunCancelled as e:
        return "cancelled", Failure(code="cancelled", message=str(e), hint="", status=409)
    except StageError as e:
        return "failed", _told(e)
    except Exception as e:  # whatever we did wrong must end the run, or its user waits for ever
        if isinstance(e, Fenced | DatabaseGone) or disk_trouble(e) is not None:
            raise  # the run is not over: whoever has it, or can write the journal again, goes on with it
        log.exception("%s failed by our own fault", walk.run.run_id)
        message = f"{type(e).__name__}: {e}"
        hint = "This is a fault of Tonewright. The server's log has the details."
        return "failed", Failure(code="internal", message=message, hint=hint, status=500)
    return "success", None


async def _leave(walk: Walk) -> None:
    """Stop a walk whose run another process has taken over. What it wrote last into the folder may have been stale."""
    log.warning("%s is walked by another worker now; this walk stops", walk.run.run_id)
    await record.restore(walk.tools.journal, walk.tools.exports, walk.run.run_id)


async def _until_cancelled(walk: Walk, kinds: Kinds, kept: record.Keeper) -> None:
    work = asyncio.create_task(_walk_steps(walk, kinds, kept))
    asked = asyncio.create_task(walk.cancelled.wait())
    try:
        await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise RunCancelled("The run was cancelled.")
        await work
    finally:
        asked.cancel()
        if not work.done():
            work.cancel()  # the stages take their prompts back from the backend before they end
            await asyncio.wait({work})


async def _walk_steps(walk: Walk, kinds: Kinds, kept: record.Keeper) -> None:
    kept.touch()
    for step in walk.plan.steps:
        if any(isinstance(stage, MediaStage) for stage in step):
            await make_room(walk)
        outcomes = await asyncio.gather(*(_run_stage(walk, kinds, stage) for stage in step), return_exceptions=True)
        for outcome in outcomes:  # all have ended; what one made is kept even where its neighbour failed
            if isinstance(outcome, BaseException):
                raise outcome
        kept.touch()


async def _run_stage(walk: Walk, kinds: Kinds, stage: StagePlan) -> None:
    at(stage=stage.name)
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
        message = f"There is no kind of stage named {stage.kind} here any more."
        hint = "Install the package that it came with, and start the server again."
        raise StageError(message, code="kind_missing", status=500, hint=hint)
    inputs, waits = await _inputs(walk, stage), False
    while True:
        try:
            with told_of_disk():
                return await kind.run(walk, stage, inputs)
        except ExportsFull as e:
            place = walk.place(stage.name)
            if not waits:
                await walk.warn(place, "exports_full", f"{e} The run waits for room and goes on by itself.")
            waits = True
            await _rest(walk, place)


async def _run_again(walk: Walk, kinds: Kinds, name: str) -> StageResult:
    """Run an earlier stage again: its kind skips what is finished."""
    stage = next(stage for stage in walk.plan.stages if stage.name == name)
    return await kinds[stage.kind].run(walk, stage, await _inputs(walk, stage))


async def _inputs(walk: Walk, stage: StagePlan) -> Inputs:
    """Find what a stage reads of earlier ones."""
    run_id, found = walk.run.run_id, []
    if any(reference.role != "text" for reference in stage.inputs.values()):
        found = await walk.read(lambda reading: reading.entities(run_id))
    return Inputs(stage.inputs, found, walk.texts, walk.tools.exports.folder(run_id))


async def _rest(walk: Walk, place: Place) -> None:
    """Wait a moment; a server that dies meanwhile has not died of the stage."""
    row = await walk.read(lambda reading: reading.stage(place))
    await walk.ledger.write(lambda writing: writing.mark(place, None))
    await asyncio.sleep(ROOM_PAUSE_S)
    await walk.ledger.write(lambda writing: writing.mark(place, row.at_work if row else None))


def _check_stops(stage: StagePlan, row: StageRow) -> None:
    """Refuse to go on with what has taken the server down again and again."""
    if row.stops >= STOPS_ALLOWED:
        message = f"The server stopped {STOPS_ALLOWED} times while it worked on the stage {stage.name}."
        hint = "Look at the server's log and at the machine's memory before you run it again."
        raise StageError(message, code="stopped_the_server", status=500, hint=hint)


def _told(error: StageError) -> Failure:
    """The error as the answer and the record give it."""
    return error.as_failure().model_copy(update={"stage": str(error.details.get("stage", ""))})
