"""One attempt of one take: bind, journal the prompt id, submit, follow, take in what was made."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from devserver.comfy.cancel import cancel
from devserver.comfy.collect import collect
from devserver.comfy.errors import (
    BackendError,
    Interrupted,
    OutputMissing,
    PromptFailed,
    PromptLost,
    Refused,
    Unreachable,
)
from devserver.comfy.files import RemoteFile, files_of
from devserver.comfy.prompt import Outcome, PromptEvent
from devserver.comfy.sniff import sniff
from devserver.errors import StageError
from devserver.intake import IntakeCrashed, OutputRefused, Verify
from devserver.journal import Place
from devserver.plan import Option
from devserver.pool import Backend
from devserver.store import dump
from devserver.tags import TrackTags
from devserver.walk import Walk
from schemas.compiler import FILE_MARK, bind
from schemas.model import Output

# Every prompt id is made from its place, so that a restart finds the prompt that it had submitted.
NAMESPACE: Final = uuid.UUID("5f0a5d0e-6c1c-5a39-9d0f-746f6e657772")
INSTRUMENTAL: Final = "[instrumental]"


class AttemptLost(Exception):
    """The backend lost the prompt or its file; the take may be tried again. The journal says why."""


@dataclass(frozen=True)
class Job:
    """What an attempt has to do. `models` are the backend's own names of the option's models."""

    place: Place
    backend: Backend
    option: Option
    compiled: dict[str, Any]
    graph_sha256: str
    values: dict[str, Any]
    models: Mapping[tuple[str, str], str]

    @property
    def prompt_id(self) -> str:
        place = self.place
        return str(uuid.uuid5(NAMESPACE, f"{place.run_id}/{place.stage}/{place.take}/{place.attempt}"))

    @property
    def prefix(self) -> str:
        place = self.place
        return f"tonewright/{place.run_id}/{place.stage}_{place.take}_{place.attempt}"

    @property
    def bound_name(self) -> str:
        place = self.place
        return f"graph_{place.stage}_{place.take}_{place.attempt}.bound.json"


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
        reports = _reports(outcome)
        for report in reports:
            for remark in report.get("remarks", []):
                walk.warn(place, f"remark: {remark}", str(remark))
        await _take_in_all(walk, job, outcome, bound)
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
        async with backend.follower.watch(job.prompt_id, bound) as watch:
            if in_flight:
                watch.check()
            else:
                await backend.client.submit(bound, job.prompt_id, backend.follower.client_id)
            return await watch.outcome(lambda event: _tell(walk, place, event)), bound
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
    files = await walk.tools.files.send(job.backend.client, job.backend.name, sorted(names))
    return bind(job.compiled, prefix=job.prefix, models=job.models, files=files)


def _reports(outcome: Outcome) -> list[dict[str, Any]]:
    """What nodes of ours say about what they made: tempo, key, and the numpy and processor that rendered it."""
    listed = [result.get("tonewright", []) for result in outcome.outputs.values() if isinstance(result, dict)]
    return [report for reports in listed for report in reports if isinstance(report, dict)]


def _tell(walk: Walk, place: Place, event: PromptEvent) -> None:
    """Pass on what is heard while a prompt runs; nothing of it is stored."""
    if event.kind == "progress":
        walk.tools.bus.tell(place.run_id, "progress", event.data, stage=place.stage, take=place.take)
    elif event.kind == "preview":
        image = base64.b64encode(event.data["image"]).decode()
        data = {"node": event.data["node"], "mime": event.data["mime"], "image_base64": image}
        walk.tools.bus.tell(place.run_id, "preview", data, stage=place.stage, take=place.take)


async def _take_in_all(walk: Walk, job: Job, outcome: Outcome, bound: dict[str, Any]) -> None:
    """Take in every file of every output that the chunk declares."""
    listed = files_of(outcome.outputs)
    for output in job.option.chunk.outputs:
        files = [file for file in listed if file.node_id == output.node]
        if not files:
            message = f"The backend {job.backend.name} ran the graph, but node {output.node} made no file."
            raise StageError(message, code="output_missing", status=502, hint="Look at the backend's log.")
        for index, file in enumerate(files):
            tags = _tags(walk, job, bound, _reports(outcome))
            await _take_in(walk, job, output, file, index=index, tags=tags)


async def _take_in(walk: Walk, job: Job, output: Output, file: RemoteFile, *, index: int, tags: TrackTags) -> None:
    """Copy, tag, verify, rename; then list the file as an entity. Doing it twice is doing it once."""
    tools, place = walk.tools, job.place
    kind, number, name = _naming(walk, job, output, index)
    stem = "_".join(part for part in (f"{number:02d}", kind, name, _take_part(job)) if part)
    folder = tools.exports.folder(place.run_id)
    part = folder / f"{stem}.part"
    shared = job.backend.address.output_folder
    await collect(job.backend.client, file, part, shared)
    kept = await asyncio.to_thread(sniff, part, file.filename)
    final = folder / f"{stem}.{kept.ext or output.format}"
    verify = Verify(output.verify.min_seconds, output.verify.silence, output.media)
    facts = await tools.intake.take_in(part, final, tags, verify, embed=tools.embed_tags)
    told = asdict(facts)
    del told["media"]
    role = "take" if output.role == "main" and place.take > 1 else output.role
    entity = {
        "number": number,
        "type": kind,
        "media": facts.media,
        "stage": place.stage,
        "take": place.take,
        "name": name,
        "role": role,
        "filename": final.name,
        **{field: told.pop(field) for field in ("bytes", "sha256", "mime")},
        "facts": told,
    }
    walk.tools.journal.add_event(Place(*asdict(place).values()), "entity", entity, key=final.name)


def _naming(walk: Walk, job: Job, output: Output, index: int) -> tuple[str, int, str]:
    """The type, number and name of an entity, as the plan has decided them."""
    role = "take" if output.role == "main" and job.place.take > 1 else output.role
    kind = f"output_{output.media}" if role == "main" else role
    number = walk.plan.numbers[f"{job.place.stage}/{role}"]
    parts = [output.name or "", str(index + 1) if index else ""]
    return kind, number, "_".join(part for part in parts if part)


def _take_part(job: Job) -> str:
    return str(job.place.take) if job.place.take > 1 else ""


def _tags(walk: Walk, job: Job, bound: dict[str, Any], reports: list[dict[str, Any]]) -> TrackTags:
    """What a file says about itself, for players, for ComfyUI, and for us; what a node reports replaces a value."""
    values, plan = {**job.values, **(reports[0] if reports else {})}, walk.plan
    bpm, key, lyrics = values.get("bpm"), values.get("key"), str(values.get("lyrics") or "")
    own = {
        "run_id": plan.run_id,
        "input_text": plan.input_text,
        "text": walk.text,
        "request": plan.request,
        "seed": plan.seed,
        "seeds": {name: values[name] for name in job.option.chunk.seeds if name in values},
        "config": job.option.config,
        "graph_sha256": job.graph_sha256,
    }
    return TrackTags(
        title=plan.title,
        bpm=float(bpm) if isinstance(bpm, int | float) and bpm > 0 else None,
        key=_short_key(key) if isinstance(key, str) and key != "auto" else None,
        lyrics=lyrics if lyrics and lyrics.lower() != INSTRUMENTAL else None,
        prompt=bound,
        tonewright=own,
    )


def _short_key(key: str) -> str:
    """The tags' own spelling: `F` for "F major", `F#m` for "F# minor"."""
    tonic, _, mode = key.partition(" ")
    return f"{tonic}m" if mode == "minor" else tonic
