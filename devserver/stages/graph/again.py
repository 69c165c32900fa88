"""Deciding on another attempt of a take, from the journal's row of its last one, so that a restart decides alike.

Lost prompts, files and worker processes, and backends that gave no answer, are tried again after a pause; a lack of
memory once, when the backend was asked to free its own; a full disk of the exports for as long as the run may take;
nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Final

from devserver.comfy.cancel import cancel
from devserver.comfy.errors import BackendError, OutputMissing, PromptLost, Unreachable, WorkerLost
from devserver.comfy.follow import Watch
from devserver.errors import StageError, said_of
from devserver.errors.sentences import say
from devserver.model.failure import Failure
from devserver.model.results import Retry
from devserver.model.rows import AttemptRow, Place
from devserver.stages.graph.choose import another, others
from devserver.stages.graph.job import Job
from devserver.stages.walk import Walk

WITHDRAWN_WITHIN_S: Final = 5.0
DISK_FULL: Final = "backend_disk_full"
OUT_OF_MEMORY: Final = "out_of_memory"
SERVER_STOPPED: Final = "server_stopped"
WORKER_LOST: Final = "worker_lost"
NOT_TAKEN: Final = "not_taken"
# Errors that may be the backend's fault, so that the take is tried at one other.
TRIED_ELSEWHERE: Final = frozenset({"node_failed", DISK_FULL, "output_missing"})


class LostWithServer(PromptLost):
    """The prompt was at a backend that has gone with the server that submitted it: no fault of the prompt."""


class NotTaken(Unreachable):
    """Something else answered in the backend's place when a prompt was sent, and the prompt has not arrived."""


class Gone(Unreachable):
    """The backend has been down for so long that the take is better made elsewhere."""


LOST: Final[dict[type[BackendError], str]] = {
    LostWithServer: SERVER_STOPPED,
    PromptLost: "prompt_lost",
    OutputMissing: "file_lost",
    NotTaken: NOT_TAKEN,
    Unreachable: "backend_silent",
    WorkerLost: WORKER_LOST,
}


def lost_code(error: BackendError) -> str:
    """One word for why an attempt was lost."""
    return next(code for kind, code in LOST.items() if isinstance(error, kind))


async def decide_retry(walk: Walk, last: AttemptRow) -> Retry:
    """Wait for as long as is right between the last attempt of a take and another one; what the record says of it.

    Raises:
        StageError: it is not tried again.
    """
    error, codes = last.result.error or Failure(), await _codes(walk, last)
    if last.state == "failed":
        if error.code == DISK_FULL and _is_embedded(walk, last):
            place = Place(last.run_id, walk.run.generation, last.stage, last.take, last.attempt)
            await walk.warn(place, say("disk_full_again", problem=said_of(error)), code=f"disk_full_{last.take}")
            waited_s = await _pause(walk, last, _tries(codes))
            return Retry(after=last.attempt, code=DISK_FULL, waited_s=waited_s)
        if error.code in TRIED_ELSEWHERE and _fits_elsewhere(walk, last, await failed_at(walk, last)):
            place = Place(last.run_id, walk.run.generation, last.stage, last.take, last.attempt)
            said = say("tried_elsewhere", attempt=last.attempt, backend=last.backend, problem=said_of(error))
            await walk.warn(place, said, code=f"elsewhere_{last.take}")
            return Retry(after=last.attempt, code=error.code, waited_s=0.0)
        if error.code != OUT_OF_MEMORY or codes.count(OUT_OF_MEMORY) > 1:
            raise StageError.from_failure(error)
        freed = await _free(walk, last)
        waited_s = await _pause(walk, last, _tries(codes), after_freeing=True)
        return Retry(after=last.attempt, code=OUT_OF_MEMORY, waited_s=waited_s, freed=freed)
    if last.state == "cancelled":
        return Retry(after=last.attempt, code="cancelled", waited_s=0.0)
    if error.code == SERVER_STOPPED:
        return Retry(after=last.attempt, code=SERVER_STOPPED, waited_s=0.0)
    tries = _tries(codes)
    # A prompt that no backend took was nobody's to lose: it waits, within the time of the run.
    lost = tries - codes.count(NOT_TAKEN)
    if lost >= walk.tools.settings.retries.attempts:
        raise _given_up(last, lost, error)
    if (backend := walk.tools.pool.named(last.backend or "")) is not None:
        await walk.tools.pool.recheck(backend)
    return Retry(after=last.attempt, code=error.code, waited_s=await _pause(walk, last, tries))


def _is_embedded(walk: Walk, last: AttemptRow) -> bool:
    """Return True where the last attempt was at our own backend, which saves on the disk of the exports."""
    backend = walk.tools.pool.named(last.backend or "")
    return backend is not None and backend.address.kind == "embedded"


def _given_up(last: AttemptRow, tries: int, error: Failure) -> StageError:
    lost = "1 attempt was" if tries == 1 else f"{tries} attempts were"
    hint = "Look at the backend's log: it restarts, or deletes prompts or files."
    if error.code == WORKER_LOST:
        hint = "The process that runs the nodes ends each time. Ask for less (shorter, smaller, fewer steps), give the"
        hint += " backend's machine more free memory, or look at the backend's log."
    problem = said_of(error) if error.message else "unknown"
    said = say("attempts_lost", hint, lost=lost, tries=tries, backend=last.backend, problem=problem)
    return StageError(said, code="attempts_lost", status=502)


async def failed_at(walk: Walk, last: AttemptRow) -> frozenset[str]:
    """Return the backends at which attempts of a take failed in a way that may be theirs."""
    rows = await walk.read(lambda reading: reading.stages(last.run_id))
    own = (row for row in rows if isinstance(row, AttemptRow) and (row.stage, row.take) == (last.stage, last.take))
    failed = (row for row in own if row.result.error is not None and row.result.error.code in TRIED_ELSEWHERE)
    return frozenset(row.backend for row in failed if row.backend)


def _fits_elsewhere(walk: Walk, last: AttemptRow, failed: frozenset[str]) -> bool:
    """Return True where a take failed at one backend only, and another one can make it."""
    stage = next(stage for stage in walk.plan.media if stage.name == last.stage)
    option = next((one for one in stage.output.options if one.key == last.result.option), None)
    return len(failed) == 1 and option is not None and others(walk, stage.output, option, failed)


async def _codes(walk: Walk, last: AttemptRow) -> list[str]:
    """Return the error code of each attempt of a take, '' for success."""
    rows = await walk.read(lambda reading: reading.stages(last.run_id))
    own = (row for row in rows if (row.stage, row.take) == (last.stage, last.take))
    attempts = [row for row in own if isinstance(row, AttemptRow)]
    return [row.result.error.code if row.result.error else "" for row in attempts]


def _tries(codes: Sequence[str]) -> int:
    """Count the attempts of a take; those that went down with a server of ours do not count."""
    return sum(code != SERVER_STOPPED for code in codes)


async def _free(walk: Walk, last: AttemptRow) -> bool:
    """Have a backend let go of the models that it holds, and tell the user."""
    place = Place(last.run_id, walk.run.generation, last.stage, last.take, last.attempt)
    freed = partial(say, backend=last.backend, attempt=last.attempt)
    try:
        backend = walk.tools.pool.named(last.backend or "")
        if backend is None:
            raise Unreachable(say("backend_gone", backend=last.backend))
        await backend.client.free()
        walk.tools.turns.fleet.forget_loaded(backend.name)
    except BackendError as e:
        await walk.warn(place, freed("memory_not_freed", problem=e.said), code=f"memory_{last.take}")
        return False
    await walk.warn(place, freed("memory_freed"), code=f"memory_{last.take}")
    return True


async def _pause(walk: Walk, last: AttemptRow, tries: int, *, after_freeing: bool = False) -> float:
    """Wait until the pause after an attempt is over; what passed while the server was down counts.

    It ends as soon as a backend comes, goes or changes: there is something new to try. After freeing it is waited for
    in full from now on: ComfyUI frees between two prompts, a moment after it was told.

    Returns:
        Seconds from the attempt's end to now.
    """
    clock = walk.tools.clock
    pause_s = walk.tools.settings.retries.pause_s(tries, last.prompt_id)
    ended = datetime.fromisoformat(last.ended_at) if last.ended_at else clock.now()
    spent_s = max(0.0, (clock.now() - ended).total_seconds())
    began = clock.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(pause_s if after_freeing else max(0.0, pause_s - spent_s)):
            await (asyncio.Event().wait() if after_freeing else walk.tools.pool.changed())
    return round(spent_s + clock.monotonic() - began, 3)


async def wait_until_it_answers(walk: Walk, job: Job, times: int) -> bool:
    """Wait for a backend that gave no answer about a submitted prompt; return True where the attempt goes on.

    It is waited for like one that is silent from the start; less long where another one could do the same.
    """
    pool, clock = walk.tools.pool, walk.tools.clock
    if times >= walk.tools.settings.retries.attempts:
        return False
    await pool.recheck(job.backend)
    began = clock.monotonic()
    while (backend := pool.named(job.backend.name)) is not None:
        if backend.up:
            await asyncio.sleep(
                walk.tools.settings.retries.pause_s(times, job.prompt_id)
            )  # no event: it may be half up
            return True
        elsewhere = another(walk, job.output, job.option) is not None
        limit_s = walk.tools.settings.retries.elsewhere_after_s if elsewhere else walk.tools.settings.backend_wait_s
        left_s = began + limit_s - clock.monotonic()
        if left_s <= 0:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(left_s):
                await pool.changed()
    return False


@asynccontextmanager
async def abandon_when_lost(walk: Walk, job: Job, watch: Watch) -> AsyncIterator[None]:
    """While a prompt is followed: give it up once its backend was down for too long, or another one could make it."""
    looking = asyncio.create_task(_until_gone(walk, job, watch))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _until_gone(walk: Walk, job: Job, watch: Watch) -> None:
    pool, backend, clock = walk.tools.pool, job.backend, walk.tools.clock
    while True:
        while backend.state != "down":
            await pool.changed()
        went = clock.monotonic()
        while backend.state == "down":
            other = another(walk, job.output, job.option)
            limit_s = walk.tools.settings.retries.elsewhere_after_s if other else walk.tools.settings.backend_wait_s
            left_s = went + limit_s - clock.monotonic()
            if left_s <= 0:
                with suppress(BackendError):  # one that answers and runs nothing must not make it later
                    await cancel(backend.client, job.prompt_id, WITHDRAWN_WITHIN_S if backend.stalled else 0.0)
                said = say("backend_down", backend=backend.name, limit_s=limit_s)
                if other:
                    name = other.backend.name
                    said = say("backend_down_other_up", backend=backend.name, limit_s=limit_s, other=name)
                watch.give_up(Gone(said))
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await pool.changed()


async def withdraw_earlier(walk: Walk, job: Job) -> None:
    """Before a take is submitted again where it was given up for silence: its earlier prompt may still live there.

    Raises:
        StillRunning: it does not stop.
        Unreachable: the backend is silent again.
    """
    for row in await walk.read(lambda reading: reading.stages(job.place.run_id)):
        if (row.stage, row.take, row.backend) != (job.place.stage, job.place.take, job.backend.name):
            continue
        code = row.result.error.code if row.result.error else ""
        if row.state == "lost" and code in (LOST[Unreachable], NOT_TAKEN) and row.prompt_id:
            await cancel(job.backend.client, row.prompt_id)
