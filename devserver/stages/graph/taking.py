"""Taking in what a prompt has made: each file that the chunk declares, copied, tagged, verified, named."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from devserver.comfy.collect import collect
from devserver.comfy.files import RemoteFile, files_of
from devserver.comfy.prompt import Outcome
from devserver.errors import StageError
from devserver.errors.sentences import say
from devserver.media.intake import Verify
from devserver.media.tags import TrackTags, read_tags
from devserver.model.entity import Entity
from devserver.stages.graph.job import Job
from devserver.stages.walk import Walk
from schemas.graph import Graph
from schemas.json_values import read_list
from schemas.model import Output

INSTRUMENTAL: Final = "[instrumental]"
LONGEST_NAME: Final = 40


@dataclass(frozen=True)
class _Made:
    """A file of an output, and the name that it has among the output's files."""

    output: Output
    file: RemoteFile
    name: str


def reports_of(outcome: Outcome) -> list[dict[str, object]]:
    """Return the reports of our nodes on what they made: tempo, key, numpy and processor."""
    listed = [read_list(result.get("tonewright")) for result in outcome.outputs.values()]
    return [{**report} for reports in listed for report in reports if isinstance(report, dict)]


def remarks_of(report: Mapping[str, object]) -> list[str]:
    """Return what a node says of its own accord, for the user."""
    remarks = report.get("remarks")
    return [str(remark) for remark in remarks] if isinstance(remarks, list) else []


async def take_in_all(walk: Walk, job: Job, outcome: Outcome, bound: Graph) -> None:
    """Take in every file of every output that the chunk declares, side by side.

    Raises:
        StageError: an output that is not optional has no file.
        OutputRefused, BackendError: of the first file that could not be taken in; the others are in the run by then.
    """
    made = list(_list_made(job, files_of(outcome.outputs)))
    read = [await asyncio.to_thread(read_tags, source.path) for source in job.sources.values()]
    if job.output.converts:  # the same sound in another form says the same of itself
        (tags,) = read
    else:
        tags = _make_tags(walk, job, bound, reports_of(outcome))
        if not job.output.asked:
            tags = _inherit_tags(tags, read)
    done = await asyncio.gather(*(_take_in(walk, job, made_file, tags) for made_file in made), return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result


def _list_made(job: Job, listed: Sequence[RemoteFile]) -> Iterator[_Made]:
    chunk = job.option.chunk
    for output in chunk.outputs:
        is_own = chunk.files_of(output)
        files = [file for file in listed if is_own(file.node_id, file.key)]
        if not files and not output.optional:
            what = f"no file under {output.key}" if output.key else "no file"
            said = say("output_missing", backend=job.backend.name, node=output.node, lacks=what)
            raise StageError(said, code="output_missing", status=502)
        for file, name in zip(files, names_of(output, files), strict=True):
            yield _Made(output, file, name)


def names_of(output: Output, files: Sequence[RemoteFile]) -> list[str]:
    """Name each file of an output: the output's name, the file's own, and a number where that is not enough."""
    names: dict[str, None] = {}
    last = Counter[str]()  # the number that each name has come to
    for file in files:
        own = re.sub(r"[^a-z0-9-]+", "_", file.name.lower()).strip("_-")[:LONGEST_NAME]
        base = "_".join(part for part in (output.name or "", own) if part)
        name = None
        while name is None or name in names:
            last[base] += 1
            name = base if last[base] == 1 else f"{base}_{last[base]}".strip("_")
        names[name] = None
    return list(names)


async def _take_in(walk: Walk, job: Job, made: _Made, tags: TrackTags) -> None:
    """Copy, tag, verify, rename; then list the file as an entity. Doing it twice is doing it once."""
    tools, place, output, file = walk.tools, job.place, made.output, made.file
    role = "take" if output.role == "main" and place.take > 1 else output.role
    kind = f"output_{output.media}" if role == "main" else role
    number = walk.plan.number_of(place.stage, role)
    take = str(place.take) if place.take > 1 else ""
    stem = "_".join(part for part in (f"{number:02d}", kind, made.name, take) if part)
    folder = tools.exports.folder(place.run_id)
    part = folder / f"{stem}.{place.generation}.part"  # whoever has lost the run does not write into another's copy
    verify = Verify(output.verify.min_seconds, output.verify.silence, output.media)
    if role == "stem" and made.name:
        tags = replace(tags, title=f"{tags.title} ({made.name.replace('_', ' ')})")
    try:
        collected = await collect(job.backend.client, file, part, job.backend.address.output_folder)
        final = folder / f"{stem}.{collected.kind.ext}"
        await tools.journal.leases.check(place.run_id, place.generation)
        taken = await tools.intake.ingest(part, final, tags, verify, embed=tools.settings.embed_tags)
    finally:
        part.unlink(missing_ok=True)
    entity = Entity(
        number=number,
        type=kind,
        media=taken.media,
        stage=place.stage,
        take=place.take,
        name=made.name,
        role=role,
        filename=final.name,
        bytes=taken.bytes,
        sha256=taken.sha256,
        mime=taken.mime,
        facts=taken.facts,
        collected=collected.route,
    )
    walk.ledger.later(lambda writing: writing.add_event(place, entity, final.name))


def _make_tags(walk: Walk, job: Job, bound: Graph, reports: list[dict[str, object]]) -> TrackTags:
    """Return a file's tags, for players, for ComfyUI and for us; a node's report replaces a value."""
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
        title=plan.title if not plan.main or job.place.stage in plan.main else f"{plan.title} ({job.place.stage})",
        bpm=float(bpm) if isinstance(bpm, int | float) and bpm > 0 else None,
        key=_short_key(key) if isinstance(key, str) and key != "auto" else None,
        lyrics=lyrics if lyrics and lyrics.lower() != INSTRUMENTAL else None,
        prompt=bound,
        tonewright=own,
    )


def _inherit_tags(tags: TrackTags, read: Sequence[TrackTags]) -> TrackTags:
    """Return the tags of something that was made of other files: the graph is the one that made the first of these."""
    source = next((source_tags for source_tags in read if source_tags.tonewright), None)
    if source is None:
        return tags
    return replace(
        tags,
        bpm=tags.bpm or source.bpm,
        key=tags.key or source.key,
        lyrics=tags.lyrics or source.lyrics,
        prompt=source.prompt,
        workflow=source.workflow,
        tonewright=source.tonewright,
    )


def _short_key(key: str) -> str:
    """Return a key as tags spell it: `F` for "F major", `F#m` for "F# minor"."""
    tonic, _, mode = key.partition(" ")
    return f"{tonic}m" if mode == "minor" else tonic
