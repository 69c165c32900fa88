"""One attempt of one take: bind, journal the prompt id, submit, follow, take in what was made."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from devserver.comfy.cancel import cancel
from devserver.comfy.errors import (
    BackendError,
    Interrupted,
    OutputMissing,
    PromptFailed,
    PromptLost,
    Refused,
    Unreachable,
)
from devserver.comfy.prompt import Outcome, PromptEvent
from devserver.errors import StageError
from devserver.intake import IntakeCrashed, OutputRefused
from devserver.journal import Place
from devserver.stages.job import Job
from devserver.stages.partials import Partials
from devserver.stages.taking import reports_of, take_in_all
from devserver.store import dump
from devserver.walk import Walk
from schemas.compiler import FILE_MARK, bind


class AttemptLost(Exception):
    """The backend lost the prompt or its file; the take may be tried again. The journal says why."""


async def run_attempt(walk: Walk, job: Job) -> None:
    """Run one attempt, or go on with one that an earlier server submitted.

    Raises:
        AttemptLost: the prompt or its files are gone.
        StageError: the backend refused or failed the graph, or its file was refused.
    """
    journal, place = walk.tools.journal, job.place
    try:
        outcome, bound = await _run_prompt(walk, job)
        outcome.raise_for_state()
        reports = reports_of(outcome)
        for report in reports:
            for remark in report.get("remarks", []):
                walk.warn(place, f"remark: {remark}", str(remark))
        await take_in_all(walk, job, outcome, bound)
        journal.end(place, "success", {"cached": outcome.cached, "reports": reports})
    except (PromptLost, Unreachable, OutputMissing) as e:
        journal.end(place, "lost", {"error": {"code": type(e).__name__, "message": str(e)}})
        walk.warn(place, f"attempt_{place.take}_{place.attempt}_lost", f"Attempt {place.attempt} was lost: {e}")
        raise AttemptLost(str(e)) from e
    except BackendError as e:
        raise _end_failed(walk, job, e) from e
    except OutputRefused as e:
        details = {"reason": e.reason, "measured": e.measured, "allowed": e.allowed}
        hint = "The model made this with this seed; another seed may do better."
        refused = StageError(str(e), code="output_refused", status=502, hint=hint, details=details)
        journal.end(place, "failed", {"error": {"code": refused.code, "message": str(e)}})
        raise refused from e
    except IntakeCrashed as e:
        crashed = StageError(str(e), code="intake_crashed", status=500, hint="Look at the server's memory.")
        journal.end(place, "failed", {"error": {"code": crashed.code, "message": str(e)}})
        raise crashed from e
    except StageError as e:
        journal.end(place, "failed", {"error": {"code": e.code, "message": e.message}})
        raise


def _end_failed(walk: Walk, job: Job, error: BackendError) -> StageError:
    """A refused or failed graph is not tried again: it would be refused or fail again."""
    if isinstance(error, Refused):
        code, hint = "graph_refused", "The definition does not fit this backend; `python server.py lint` may say more."
        details: dict[str, Any] = {"node_errors": [asdict(reason) for reason in error.node_errors]}
    elif isinstance(error, PromptFailed):
        code, hint = "node_failed", "The backend's log has the whole traceback."
        details = asdict(error.failure)
        if error.failure.out_of_memory:
            code, hint = "out_of_memory", "Ask for less (shorter, fewer steps), or free the backend's memory."
    elif isinstance(error, Interrupted):
        code, hint, details = "interrupted", "Somebody stopped the prompt at the backend. Run it again.", {}
    else:
        code, hint, details = "backend_failed", f"Look at the backend {job.backend.name}.", {}
    message = f"{job.backend.name}: {error}"
    walk.tools.journal.end(job.place, "failed", {"error": {"code": code, "message": message}})
    return StageError(message, code=code, status=502, hint=hint, details=details)


async def _run_prompt(walk: Walk, job: Job) -> tuple[Outcome, dict[str, Any]]:
    journal, place, backend = walk.tools.journal, job.place, job.backend
    decided: dict[str, Any] = {"config": job.option.config, "variant": job.option.chunk.name}
    decided |= {"backend": backend.describe(), "graph_sha256": job.graph_sha256}
    decided["models"] = {f"{node}.{name}": model for (node, name), model in job.models.items()}
    begin = partial(journal.begin, place, backend=backend.name, prompt_id=job.prompt_id, result=decided)
    kept = walk.tools.exports.folder(place.run_id) / job.bound_name
    in_flight = journal.stage(place) is not None and await asyncio.to_thread(kept.is_file)
    if in_flight:
        bound = json.loads(await asyncio.to_thread(kept.read_bytes))
    else:
        try:
            bound = await _bind(walk, job)
        except (BackendError, StageError):
            begin()  # an attempt that could not even be bound is written down like any other that failed
            raise
        await walk.write(job.bound_name, dump(bound))
    begin()
    try:
        async with backend.follower.watch(job.prompt_id, bound) as watch, Partials(walk, job) as partials:
            if in_flight:
                watch.check()
            else:
                await backend.client.submit(bound, job.prompt_id, backend.follower.client_id)
            return await watch.outcome(lambda event: _tell(walk, place, event, partials)), bound
    except asyncio.CancelledError:
        # The run was cancelled or is past its time. A server that stops leaves the prompt alone and finds it again.
        if not walk.tools.pool.closing:
            with suppress(BackendError):
                await cancel(backend.client, job.prompt_id)
            journal.end(place, "cancelled", {})
        raise


async def _bind(walk: Walk, job: Job) -> dict[str, Any]:
    """The graph as this backend gets it; input files are sent to it first."""
    values = [value for node in job.compiled.values() for value in node["inputs"].values()]
    names = {v.removeprefix(FILE_MARK) for v in values if isinstance(v, str) and v.startswith(FILE_MARK)}
    places = {job.source.name: job.source.path} if job.source else {}
    files = await walk.tools.files.send(job.backend.client, job.backend.name, sorted(names), places)
    return bind(job.compiled, prefix=job.prefix, models=job.models, files=files)


def _tell(walk: Walk, place: Place, event: PromptEvent, partials: Partials) -> None:
    """Pass on what is heard while a prompt runs; nothing of it is stored but the pieces of its sound."""
    if event.kind == "partial":
        partials.hear(event.data)
    elif event.kind == "progress":
        walk.tools.bus.tell(place.run_id, "progress", event.data, stage=place.stage, take=place.take)
    elif event.kind == "preview":
        image = base64.b64encode(event.data["image"]).decode()
        data = {"node": event.data["node"], "mime": event.data["mime"], "image_base64": image}
        walk.tools.bus.tell(place.run_id, "preview", data, stage=place.stage, take=place.take)
