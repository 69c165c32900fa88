"""One attempt of one take: bind, journal the prompt id, submit, follow, take in what was made."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from devserver.comfy.errors import (
    BackendError,
    Interrupted,
    NotServing,
    OutputMissing,
    PromptFailed,
    PromptLost,
    Refused,
    Unreachable,
    WorkerLost,
)
from devserver.comfy.messages import PieceMade, PreviewSeen
from devserver.comfy.prompt import NodeStarted, Outcome, ProgressUpdate, PromptEvent
from devserver.durable.writing import Writing
from devserver.errors import StageError
from devserver.errors.disk import translate_disk_errors
from devserver.errors.sentences import say
from devserver.files import pieces
from devserver.media.intake import IntakeCrashed, OutputRefused
from devserver.model.events import Preview, Progress
from devserver.model.failure import Failure
from devserver.model.results import AttemptResult
from devserver.model.rows import PartRow, Place, StageState
from devserver.stages.graph.again import (
    DISK_FULL,
    OUT_OF_MEMORY,
    Gone,
    LostWithServer,
    NotTaken,
    abandon_when_lost,
    lost_code,
    wait_until_it_answers,
    withdraw_earlier,
)
from devserver.stages.graph.job import Job
from devserver.stages.graph.partials import Partials
from devserver.stages.graph.refusing import output_refused
from devserver.stages.graph.stopping import take_back
from devserver.stages.graph.submitting import submit
from devserver.stages.graph.taking import remarks_of, reports_of, take_in_all
from devserver.stages.walk import Walk
from devserver.system.atomic import dump
from schemas.compiler import FILE_MARK, bind
from schemas.graph import Graph, is_node, link_of
from schemas.texts import Unreadable, parse_json, read_text

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Done:
    """An attempt that ended well; `seconds` is how long its prompt ran, None where that tells nothing of others."""

    seconds: float | None


async def run_attempt(walk: Walk, job: Job, before: PartRow | None = None) -> Done | None:
    """Run one attempt to an end that the journal has or gets next; None unless it ended well.

    `before` is its row where an earlier server may have submitted it: that one is gone on with.
    """
    journal, place = walk.tools.journal, job.place
    try:
        return await _until_answered(walk, job, before)
    except (PromptLost, Unreachable, OutputMissing, WorkerLost) as e:
        if isinstance(e, Unreachable):
            walk.tools.turns.give_up(walk.ledger, job.backend.name, job.prompt_id)
        await _end(walk, job, "lost", AttemptResult(error=_lost(e)))
        said = say("attempt_lost", attempt=place.attempt, problem=e.said)
        await walk.warn(place, said, code=f"attempt_{place.take}_{place.attempt}_lost")
    except BackendError as e:
        error = _failure(job, e)
        if error.code == DISK_FULL and job.backend.address.kind == "embedded":  # it saves on the disk of the exports
            await asyncio.to_thread(_make_room, walk, place)  # the journal is on that disk, too
        await _end_failed(walk, job, error)
    except OutputRefused as e:
        await _end_failed(walk, job, output_refused(job, e))
    except IntakeCrashed as e:
        await _end_failed(
            walk, job, StageError(say("intake_crashed", problem=str(e)), code="intake_crashed", status=500)
        )
    except StageError as e:
        await _end_failed(walk, job, e)
    except asyncio.CancelledError:
        # The run was cancelled or is past its time. A server that stops leaves the prompt alone and finds it again.
        # Nor does one touch the prompts of a run that another process has taken over.
        owned = await journal.leases.owns(place.run_id, place.generation)
        if owned and not walk.tools.turns.closing and await journal.stage(place) is not None:
            await _end(walk, job, "cancelled", AttemptResult(cancel=await take_back(walk, job)))
        raise
    return None


async def _until_answered(walk: Walk, job: Job, before: PartRow | None) -> Done:
    """Run a prompt and take in what it made. Where its backend falls silent, it may live: it is asked for again."""
    silences = 0
    not_taken: NotTaken | None = None
    while True:
        try:
            outcome, bound = await _run_prompt(walk, job, begun=before is not None or silences > 0)
            if outcome.state == "lost" and before is not None and _went_with_its_server(job, before):
                raise LostWithServer(say("backend_ended_with_server", backend=before.backend))
            outcome.raise_for_state()
            reports = reports_of(outcome)
            for report in reports:
                for remark in remarks_of(report):
                    await walk.warn(job.place, say("node_remark", problem=remark), code=f"remark: {remark}")
            async with _at_work(walk, job):
                await take_in_all(walk, job, outcome, bound)
            _end_well(walk, job, AttemptResult(cached=outcome.cached, reports=reports))
            return Done(_seconds(outcome, bound) if before is None and not silences else None)
        except Gone:
            raise
        except PromptLost as e:
            if not_taken is not None:
                raise not_taken from e
            raise
        except Unreachable as e:
            silences += 1
            not_taken = e if isinstance(e, NotTaken) else not_taken
            log.warning("%s: %s gave no answer: %s", job.place.run_id, job.backend.name, e)
            if not await wait_until_it_answers(walk, job, silences):
                raise
            await walk.ledger.note(job.place, AttemptResult(silences=silences))
            job = replace(job, backend=walk.tools.pool.named(job.backend.name) or job.backend)


def _seconds(outcome: Outcome, bound: Graph) -> float | None:
    """Return how long a prompt ran, if that says how long the next one of its kind runs: most of it was made now."""
    reading = {name for name, node in bound.items() if any(link_of(value) for value in node["inputs"].values())}
    cached = len(reading & outcome.cached_nodes)
    return None if outcome.cached or 2 * cached > len(reading) else outcome.seconds


@asynccontextmanager
async def _at_work(walk: Walk, job: Job) -> AsyncIterator[None]:
    """Mark an attempt while a file of it is taken in. Its end removes the mark, and so does an error."""
    process = walk.tools.journal.stops.process
    await walk.ledger.write(lambda writing: writing.mark(job.place, process))
    try:
        with translate_disk_errors():
            yield
    except Exception:  # whatever it was, nothing of the attempt is at work any more
        try:
            await walk.ledger.write(lambda writing: writing.mark(job.place, None))
        except Exception as e:  # noqa: BLE001 - the disk or the database that failed; the first error says more
            log.debug("%s is still marked: %s", job.place.run_id, e)
        raise


def _end_well(walk: Walk, job: Job, result: AttemptResult) -> None:
    """End an attempt whose files are in the run's folder, in one commit with its take."""
    result = result.model_copy(update={"nodes": job.nodes.ended()})
    walk.ledger.later(lambda writing: writing.end(job.place, "success", result))


def _make_room(walk: Walk, place: Place) -> None:
    """Delete the leftovers of an attempt on the full disk: each further one would leave as much."""
    walk.tools.exports.clear_attempt(place.run_id, pieces.attempt_folder(place))
    pieces.clear_attempt(walk.tools.exports, place)


async def _end_failed(walk: Walk, job: Job, error: StageError) -> None:
    await _end(walk, job, "failed", AttemptResult(error=error.as_failure()))


async def _end(walk: Walk, job: Job, state: StageState, result: AttemptResult) -> None:
    await walk.ledger.end(job.place, state, result.model_copy(update={"nodes": job.nodes.ended()}))


def _lost(error: BackendError) -> Failure:
    code, said = lost_code(error), error.said
    return Failure(code=code, message=said.message, message_code=said.message_code or code, values=dict(said.values))


def _failure(job: Job, error: BackendError) -> StageError:
    """Return a backend's refusal or failure as an error for the user."""
    if isinstance(error, Refused):
        code, hint = "graph_refused", "The definition does not fit this backend; `python server.py lint` may say more."
        details: dict[str, object] = {"node_errors": [asdict(reason) for reason in error.node_errors]}
    elif isinstance(error, PromptFailed):
        code, hint = "node_failed", "The backend's log has the whole traceback."
        details = asdict(error.failure)
        if error.failure.out_of_memory:
            code, hint = OUT_OF_MEMORY, "Ask for less (shorter, fewer steps), or free the backend's memory."
        elif error.failure.disk_full:
            code, hint = DISK_FULL, f"Make room on its disk (the output folder of {job.backend.name})."
    elif isinstance(error, Interrupted):
        code, hint, details = "interrupted", "Somebody stopped the prompt at the backend. Run it again.", {}
    else:
        code, hint, details = "backend_failed", f"Look at the backend {job.backend.name}.", {}
    said = say("backend_failed", hint, backend=job.backend.name, problem=error.said)
    return StageError(said, code=code, status=502, details=details)


def _kept_graph(path: Path) -> Graph | None:
    """The graph that an earlier walk has sent; None where its file is damaged: then it is bound once more."""
    try:
        graph = parse_json(read_text(path))
    except Unreadable as e:
        log.warning("%s:%s: %s; the graph is made again", path, e.line, e.reason)
        return None
    nodes = {name: node for name, node in graph.items() if is_node(node)} if isinstance(graph, dict) else {}
    return nodes if nodes and nodes == graph else None


async def _run_prompt(walk: Walk, job: Job, *, begun: bool) -> tuple[Outcome, Graph]:
    ledger, place, backend = walk.ledger, job.place, job.backend
    decided = AttemptResult(
        config=job.option.config,
        variant=job.option.chunk.name,
        backend=backend.describe(),
        graph_sha256=job.graph_sha256,
        models={f"{node}.{name}": model for (node, name), model in job.models.items()},
        why=say(job.why, backend=backend.name).message if job.why else "",
        why_code=job.why,
    )
    if job.again:
        decided = decided.model_copy(update={"again": job.again})

    def begin(writing: Writing) -> None:
        writing.begin_attempt(place, backend=backend.name, prompt_id=job.prompt_id, result=decided)

    kept = walk.tools.exports.folder(place.run_id) / job.bound_name
    in_flight = begun and await asyncio.to_thread(kept.is_file)
    bound = await asyncio.to_thread(_kept_graph, kept) if in_flight else None
    if bound is None:
        try:
            bound = await _bind(walk, job)
        except (BackendError, StageError) as e:
            await ledger.write(begin)  # one that could not even be bound is written down like any other that failed
            if isinstance(e, NotServing):
                raise _not_taken(job, e) from e
            raise
        await walk.write(job.bound_name, dump(bound))
    await ledger.write(begin)
    async with (
        backend.follower.watch(job.prompt_id, bound) as watch,
        Partials(walk, job) as partials,
        abandon_when_lost(walk, job, watch),
    ):
        if in_flight:
            watch.check()
        else:
            if job.again:
                await withdraw_earlier(walk, job)
            try:
                await submit(walk, job, bound)
            except NotServing as e:
                raise _not_taken(job, e) from e
        outcome = await watch.wait_for_outcome(lambda event: _tell(walk, job, event, partials))
    return outcome, bound


def _went_with_its_server(job: Job, before: PartRow) -> bool:
    """Return True for an attempt of an earlier walk at an embedded backend, or at one that is unknown by now."""
    return job.backend.address.kind == "embedded" or before.backend != job.backend.name


def _not_taken(job: Job, error: NotServing) -> NotTaken:
    job.backend.note_rejection()
    return NotTaken(error.said, error.status)


async def _bind(walk: Walk, job: Job) -> Graph:
    """The graph as this backend gets it; input files are sent to it first."""
    values = [value for node in job.compiled.values() for value in node["inputs"].values()]
    marked = {v.removeprefix(FILE_MARK) for v in values if isinstance(v, str) and v.startswith(FILE_MARK)}
    own = {file.label: file for file in job.sources.values()}
    names = {mark: own[mark].name if mark in own else mark for mark in marked}
    places = {file.name: file.path for file in own.values()}
    sent = await walk.tools.files.send(job.backend.client, job.backend.name, sorted({*names.values()}), places)
    files = {mark: sent[name] for mark, name in names.items()}
    return bind(job.compiled, prefix=job.prefix, models=job.models, files=files)


def _tell(walk: Walk, job: Job, event: PromptEvent, partials: Partials) -> None:
    """Pass on what is heard while a prompt runs. Stored are the pieces of its sound, and at its end when nodes ran."""
    place = job.place
    if isinstance(event, PieceMade):
        partials.hear(event)
    elif isinstance(event, NodeStarted):
        job.nodes.enter(event.node, event.class_type)
    elif isinstance(event, ProgressUpdate):
        walk.tools.turns.note_progress(place, event.fraction)
        walk.tools.bus.tell(place.run_id, Progress(**asdict(event)), stage=place.stage, take=place.take)
    elif isinstance(event, PreviewSeen):
        image = base64.b64encode(event.image).decode()
        preview = Preview(node=event.node, mime=event.mime, image_base64=image)
        walk.tools.bus.tell(place.run_id, preview, stage=place.stage, take=place.take)
