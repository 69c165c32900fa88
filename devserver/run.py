"""The walk of a run: its stages in order, without the finished ones, to an end in the journal and the record."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from devserver.errors import Fenced
from devserver.errors.disk import translate_disk_errors
from devserver.model.plan import MediaStage, read_plan
from devserver.runs import record
from devserver.runs.ending import stop_when_taken_over, walk_to_end
from devserver.runs.numbering import number_main
from devserver.stages.running import Kinds, run_again, run_stage
from devserver.stages.text.ask import unload_models
from devserver.stages.walk import Tools, Walk
from devserver.watching.logs import log_context

log = logging.getLogger(__name__)


async def walk_run(
    run_id: str,
    tools: Tools,
    kinds: Kinds,
    cancelled: asyncio.Event,
    on_end: record.OnEnd = record.ignore_end,
) -> None:
    """Walk one run from wherever it stands to its end. Cancelling the task leaves the run to a later walk.

    `on_end` is called with the run's row and contents, once its end is committed.
    """
    log_context(run_id=run_id)
    accepted = tools.journal.take_accepted(run_id)  # just now, by this process: nobody else has it
    try:
        run = accepted or await tools.journal.begin_run(run_id)
    except Fenced as e:
        log.debug("%s", e)
        return
    if run.cancel:
        cancelled.set()
    plan = read_plan(run.plan)
    walk = Walk(run, plan, tools, cancelled, plan.input_text)
    if accepted is not None:
        walk.ledger.later(lambda writing: writing.begin_run(run_id), at=run.started_at)
    walk.run_again = partial(run_again, walk, kinds)
    keeper = record.Keeper(tools.journal, tools.exports, run_id)
    async with stop_when_taken_over(walk):
        try:
            state, failure = await walk_to_end(walk, _walk_steps(walk, kinds, keeper))
        finally:
            await keeper.settle()
        await number_main(walk)
        await record.finish(walk, state, failure, on_end)


async def _walk_steps(walk: Walk, kinds: Kinds, keeper: record.Keeper) -> None:
    if walk.run.generation > 1:
        with translate_disk_errors():
            await asyncio.to_thread(walk.tools.exports.clear_parts, walk.run.run_id)
        await walk.tools.turns.give_back_ended(walk.place())
    keeper.touch()
    for step in walk.plan.steps:
        if any(isinstance(stage, MediaStage) for stage in step):
            await unload_models(walk)  # language models leave the GPU to the media
        outcomes = await asyncio.gather(*(run_stage(walk, kinds, stage) for stage in step), return_exceptions=True)
        for outcome in outcomes:  # all have ended: a stage keeps what it made even where its neighbour failed
            if isinstance(outcome, BaseException):
                raise outcome
        keeper.touch()
