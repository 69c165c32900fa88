"""Graph stages: compile, choose a backend that has the nodes, run, collect. Takes run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from devserver.briefs.briefing import prepend_locked
from devserver.errors import StageError
from devserver.errors.disk import translate_disk_errors
from devserver.errors.sentences import say
from devserver.model.plan import MediaStage
from devserver.model.results import GraphResult, Retry, TakeResult
from devserver.model.rows import AttemptRow, Place, TakeRow
from devserver.queueing.demand import Choice, Demand
from devserver.queueing.eta import size_of
from devserver.queueing.turns import Asking, NoTurn
from devserver.stages.graph.again import TRIED_ELSEWHERE, decide_retry, failed_at
from devserver.stages.graph.attempt import run_attempt
from devserver.stages.graph.choose import choose, tell_differences
from devserver.stages.graph.formats import FORMAT, SOUND
from devserver.stages.graph.job import Job
from devserver.stages.graph.nodes import NodeTimes
from devserver.stages.graph.worked import Worked
from devserver.stages.inputs import Given, Inputs, RunFile
from devserver.stages.walk import Walk
from devserver.system.atomic import dump
from devserver.watching.logs import log_context
from schemas.catalog import LOSSLESS
from schemas.compiler import compile_graph, fill, graph_hash
from schemas.values import RecordedValue, from_json, to_json

Changes = Mapping[str, RecordedValue] | None


async def run_graph(walk: Walk, stage: MediaStage, inputs: Inputs) -> GraphResult:
    """Run every take of a graph stage.

    Raises:
        StageError: a take could not be made; the other takes end first, and keep what they made.
    """
    if stage.output.converts and not await _is_to_be_made(walk, stage, inputs):
        return GraphResult(takes=0)
    done: set[int] = set()
    todo = {*range(1, len(stage.output.options[0].takes) + 1)}
    while todo:
        work = [_run_take(walk, stage, inputs.of_take(take), take, one_of=len(todo)) for take in sorted(todo)]
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        done |= todo
        todo = await _added(walk, stage) - done
    return GraphResult(takes=len(done))


async def _added(walk: Walk, stage: MediaStage) -> set[int]:
    """Find the takes of a stage: earlier walks or other stages may have added some meanwhile."""
    if not walk.may_have_more(stage.name):
        return set()
    rows = await walk.read(lambda reading: reading.stages(walk.run.run_id))
    return {row.take for row in rows if isinstance(row, TakeRow) and row.stage == stage.name}


async def _run_take(walk: Walk, stage: MediaStage, given: Given, take: int, *, one_of: int) -> None:
    log_context(take=take)
    ledger, place, row = walk.ledger, walk.place(stage.name, take), None
    try:
        if walk.is_first(place):
            ledger.later(lambda writing: writing.begin_take(place))
        else:
            row = await ledger.write(lambda writing: writing.begin_take(place))
            if row.state == "success":
                return
            if row.result.error is not None:
                raise StageError.from_failure(row.result.error)
        with translate_disk_errors():
            await _attempts(walk, stage, given, place, row)
        ledger.later(lambda writing: writing.end(place, "success"))
        if one_of > 1:  # the others may still take long
            await ledger.flush()
    except StageError as e:
        await ledger.end(place, "failed", TakeResult(error=e.as_failure()))
        walk.tools.turns.breakers.note_given_up((place.run_id, place.stage, place.take))
        await walk.tools.turns.leave(place)
        raise
    except asyncio.CancelledError:
        if walk.cancelled.is_set():
            await ledger.end(place, "cancelled")
        raise


async def _attempts(walk: Walk, stage: MediaStage, given: Given, place: Place, row: TakeRow | None) -> None:
    """Try until one attempt's files are in the run's folder. The journal's last attempt says what comes next.

    `row` is None where the take begins for the first time.
    """
    taken = row.result if row is not None else TakeResult()
    decided, reasons = taken.option, dict[int, Retry]()
    turns, worked = walk.tools.turns, Worked(walk, place, row.worked_s if row is not None else 0.0)
    last = None if row is None else await walk.read(lambda reading: reading.last_attempt(place))
    key = (place.run_id, place.stage, place.take)
    while last is None or last.state != "success":
        stays, again = None, None
        if last is not None and last.state == "running":
            number, again = last.attempt, last.result.again
            stays = await _resumed(walk, stage, last)
        else:
            number = last.attempt + 1 if last else 1
            if last is not None and number not in reasons:
                reasons[number] = await decide_retry(walk, last)
            again = reasons.get(number)
        if stays is not None:
            demand = Demand.of(walk.plan, stage.output, [stays.option])
        else:
            demand = await choose(walk, place, stage.output, decided)
        failed = await failed_at(walk, last) if last is not None and last.state == "failed" else frozenset[str]()
        asking = replace(_asking(walk, demand, place.take, taken.changes), failed_at=failed)
        try:
            async with turns.take(walk.ledger, place, demand, asking, stays=stays) as turn:
                choice = turn.bound
                if stays is None:
                    await tell_differences(walk, place, choice, stage.output, decided)
                decided = choice.option.key
                log_context(backend=choice.backend.name)
                async with walk.tools.slice:
                    attempt = replace(place, attempt=number)
                    job = await _prepare(walk, stage, given, choice, attempt, changes=taken.changes)
                before = last if last is not None and last.attempt == number else None
                async with worked.within(stage.output.run_timeout_s):
                    done = await run_attempt(walk, replace(job, again=again, why=turn.why), before)
                if done is not None:
                    turn.ended_well, turn.seconds = True, done.seconds
                    turns.breakers.note_made(key, choice.backend.name)
                    return
                last = await walk.read(lambda reading: reading.last_attempt(place))
                _note_failed(walk, last)  # before another take is given its place there
        except NoTurn:
            pass  # no backend that is up can make it any more: it waits for one, or falls back
        except TimeoutError as e:
            said = say("run_timeout", limit_s=stage.output.run_timeout_s, config=stage.output.config)
            raise StageError(said, code="run_timeout", status=504) from e


def _note_failed(walk: Walk, last: AttemptRow | None) -> None:
    """Note that a take failed at a backend, if that may be the backend's fault."""
    error = last.result.error if last is not None and last.state == "failed" else None
    if last is None or error is None:
        return
    if error.code in TRIED_ELSEWHERE and last.backend and last.result.config:
        key = (last.run_id, last.stage, last.take)
        walk.tools.turns.breakers.note_failed(key, last.result.config, last.backend, error.message)


def _asking(walk: Walk, demand: Demand, take: int, changes: Changes) -> Asking:
    """Return the request for a turn: user, priority, size of the work."""
    return Asking(walk.plan.user_id, walk.plan.priority, size_of(demand.options[0].values_of(take, changes)))


async def _is_to_be_made(walk: Walk, stage: MediaStage, inputs: Inputs) -> bool:
    """Return True where a further format is made from the other stage's file, which may come from a fallback."""
    source, wanted = inputs.of_take(1)[SOUND], stage.output.options[0].takes[0][FORMAT]
    if not isinstance(source, RunFile) or source.ext == wanted:
        return False
    if source.ext not in LOSSLESS:
        await walk.warn(walk.place(stage.name), say("format_left_out", format=wanted, saved=source.ext), format=wanted)
        return False
    return True


async def _resumed(walk: Walk, stage: MediaStage, last: AttemptRow) -> Choice | None:
    """The choice that an attempt in flight was made with, if its backend is still known."""
    backend = walk.tools.pool.named(last.backend or "")
    if backend is None:
        return None
    option = next((option for option in stage.output.options if option.key == last.result.option), None)
    return Choice(option, backend, {}) if option else None


async def _prepare(
    walk: Walk, stage: MediaStage, given: Given, choice: Choice, attempt: Place, *, changes: Changes
) -> Job:
    """Compile, keep the compiled graph, and note what was decided."""
    option, place = choice.option, replace(attempt, attempt=0)
    texts = {"text": walk.text, "input_text": walk.plan.input_text}
    read = {name: one for name, one in given.items() if name in option.chunk.parameters}
    sources = {name: one for name, one in read.items() if isinstance(one, RunFile)}
    files = {name: one.as_value() for name, one in sources.items()}
    values = prepend_locked(
        fill(from_json({**option.values_of(place.take, changes), **read, **files}), texts), option.brief
    )
    labels = {name: file.label for name, file in sources.items()}
    compiled = compile_graph(option.chunk, option.graph, values, labels)
    digest = graph_hash(compiled)
    one_take = len(option.takes) == 1 and place.take == 1
    if stage.name == walk.plan.graph_stage and place.take == 1:
        of_stage = Place(place.run_id, place.generation, place.stage)
        again = attempt.attempt > 1 or place.generation > 1  # another variant may have been tried before
        await walk.keep(of_stage, 6, "graph", "06_graph.json", dump(compiled), replaces=again)
    else:
        name = f"graph_{stage.name}.json" if one_take else f"graph_{stage.name}_{place.take}.json"
        await walk.write(name, dump(compiled))
    decided = TakeResult(
        config_used=option.config,
        variant=option.chunk.name,
        preset=option.preset or None,
        graph_sha256=digest,
        values=to_json(values),
        backend=choice.backend.name,
    )
    walk.ledger.later(lambda writing: writing.note(place, decided))
    chosen = (choice.backend, stage.output, option)
    return Job(attempt, *chosen, compiled, digest, to_json(values), choice.models, NodeTimes(walk.tools.clock), sources)
