"""The record: `metadata.json` in the run's folder. Complete, atomic, and enough to run it again."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final

from devserver.disk import ExportsGone, disk_trouble
from devserver.durable.journal import Journal
from devserver.durable.sql import Transaction
from devserver.errors import DatabaseGone
from devserver.plan import OutputPlan, Plan, StagePlan, read_plan
from devserver.queueing.expected import around
from devserver.runs.entity import Entity, text_entity
from devserver.runs.events import Event
from devserver.runs.failure import Failure
from devserver.runs.results import TakeResult
from devserver.runs.rows import AttemptRow, PartRow, RunRow, RunState, StageRow, TakeRow
from devserver.store import RECORD, Exports, dump
from devserver.walk import Walk

VERSION: Final = 1
KEPT_AFTER_S: Final = 0.05

log = logging.getLogger(__name__)


def prepare(exports: Exports, plan: Plan) -> list[Entity]:
    """Make the folder of a run with its plan and its text; returns the two as entities."""
    folder = exports.folder(plan.run_id)
    try:
        folder.mkdir()
    except FileNotFoundError as e:
        raise ExportsGone(exports.root) from e
    texts = {
        "01_config.json": plan.model_dump_json(indent=2, by_alias=True).encode(),
        "02_input.txt": plan.input_text.encode(),
    }
    try:
        for name, content in texts.items():
            exports.write(plan.run_id, name, content)
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was never accepted
        raise
    kinds = {"01_config.json": (1, "config"), "02_input.txt": (2, "input")}
    return [
        text_entity(name, content, number=number, type=kind)
        for name, content in texts.items()
        for number, kind in [kinds[name]]
    ]


def discard_prepared(journal: Journal, exports: Exports, before_s: float) -> None:
    """Delete the folders of runs that a kill kept from being accepted, and what it left half written.

    Where the journal knows no run, but there are records of some, it is a new one: nothing is deleted.
    """
    if not journal.has_runs() and (records := sum(1 for _ in exports.root.glob(f"*/{RECORD}"))):
        how = "`python server.py doctor --rebuild` reads them"
        log.warning("The journal in %s is new, and beside it are %d records of runs: %s", exports.root, records, how)
        return
    for run_id in list(exports.unfinished(before_s)):
        if journal.run(run_id) is None:
            exports.discard(run_id)


def accept(
    journal: Journal,
    plan: Plan,
    entities: list[Entity],
    together: Callable[[Transaction], None] | None = None,
) -> None:
    """From this commit on the run is never lost. `together` writes in the same one."""
    journal.add_run(
        plan.run_id,
        user_id=plan.user_id,
        title=plan.title,
        schema=plan.schema_,
        output_config=", ".join(output.config for output in plan.outputs),
        plan=plan.model_dump_json(by_alias=True),
        created_at=plan.created_at,
        entities=entities,
        text=plan.input_text,
        together=together,
    )


def write(journal: Journal, exports: Exports, run_id: str) -> None:
    """Write the record as the journal has it now."""
    row = journal.run(run_id)
    if row is not None:
        exports.write(run_id, RECORD, dump(build(journal, row)))


class Keeper:
    """Keeps a run's record up to date beside the work: what changes together is written once, a moment later.

    A write that fails costs nothing but that: the last record, which `finish` writes, must succeed.
    """

    def __init__(self, journal: Journal, exports: Exports, run_id: str) -> None:
        self._journal, self._exports, self._run_id = journal, exports, run_id
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """The journal knows more of the run than its record."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEPT_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self.touch()
        else:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(write, self._journal, self._exports, self._run_id)
        except (OSError, DatabaseGone) as e:
            log.warning("%s: its record could not be written: %s", self._run_id, e)

    async def settle(self) -> None:
        """Write nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await self._writing


def restore(journal: Journal, exports: Exports, run_id: str) -> None:
    """Write the record of a run that has ended once more: a walk that had lost it may have written over it."""
    row = journal.run(run_id)
    if row is not None and row.ended:
        exports.write(run_id, RECORD, dump(build(journal, row)))


async def finish(walk: Walk, state: RunState, error: Failure | None) -> None:
    """End a run: the final record, then the journal, so that who hears of the end finds the record complete."""
    tools, run_id, ended_at = walk.tools, walk.run.run_id, walk.tools.clock.stamp()
    row = replace(walk.run, state=state, ended_at=ended_at, error=error)
    try:
        await asyncio.to_thread(_write_final, walk, row)
    except OSError as e:
        if (trouble := disk_trouble(e)) is None:
            raise
        walk.warn(walk.place(), "record_late", f"{trouble.message} The run's record follows as soon as it can be kept.")
        tools.late.add(run_id)
    tools.journal.end_run(walk.place(), state, ended_at, row.error, walk.text)
    with suppress(OSError):  # it is in the journal, and written late
        await asyncio.to_thread(tools.exports.sync_record, run_id)  # while the answer is made: it needs the processor
    await tools.streams.settle(run_id)
    tools.pool.ended(run_id, around(row.created_at, ended_at, _takes(tools.journal, row)))


def _write_final(walk: Walk, row: RunRow) -> None:
    exports, journal = walk.tools.exports, walk.tools.journal
    final = dump(build(journal, row))
    journal.leases.check(row.run_id, walk.run.generation)
    exports.write(row.run_id, RECORD, final)
    exports.clear_embedded(row.run_id, _sent_at_home(walk))


def _takes(journal: Journal, row: RunRow) -> list[tuple[str, str]]:
    """When each take of a run that ended well began and ended."""
    rows = journal.stages(row.run_id) if row.state == "success" else []
    return [(r.started_at, r.ended_at) for r in rows if isinstance(r, TakeRow) and r.ended_at]


def _sent_at_home(walk: Walk) -> list[str]:
    """The run's own files that other formats were made from, as the embedded backend got them."""
    sources = {stage.source for stage in walk.plan.stages if stage.source}
    found = entities(walk.tools.journal, walk.run.run_id) if sources else []
    main = [entity for entity in found if entity.stage in sources and entity.is_main]
    return [f"{entity.sha256}{PurePosixPath(entity.filename).suffix}" for entity in main]


def build(journal: Journal, row: RunRow) -> dict[str, Any]:
    """The record of a run, from the journal alone."""
    plan = read_plan(row.plan)
    rows = journal.stages(row.run_id)
    return {
        "version": VERSION,
        "run_id": row.run_id,
        "user_id": row.user_id,
        "status": row.state,
        "title": row.title,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "execution_time": seconds_between(row.started_at, row.ended_at),
        "rerun_of": plan.rerun_of,
        "request": plan.request,
        "resolved": _resolved(plan, rows),
        "definitions": [definition.model_dump(exclude={"content"}) for definition in plan.definitions],
        "stages": [_stage(stage, rows) for stage in plan.stages],
        "entities": [entity.as_json() for entity in entities(journal, row.run_id)],
        "measurements": [event.data.as_json() for event in journal.events(row.run_id, "measurement")],
        "warnings": warnings(journal, row.run_id),
        "error": row.error.as_json() if row.error else None,
    }


def entities(journal: Journal, run_id: str) -> list[Entity]:
    """The files of a run, in the order of their numbers."""
    return _listed(journal.events(run_id, "entity"))


def entities_of(journal: Journal, run_ids: Sequence[str]) -> dict[str, list[Entity]]:
    """The files of several runs, each run's in the order of their numbers; a run without any is left out."""
    events: dict[str, list[Event]] = {}
    for event in journal.events_of(run_ids, "entity"):
        events.setdefault(str(event.run_id), []).append(event)
    return {run_id: _listed(own) for run_id, own in events.items()}


def _listed(events: Sequence[Event]) -> list[Entity]:
    """The files that stand: where an attempt was lost after it had listed some, those of the one that followed."""
    newest: dict[tuple[str, int], int] = {}
    for event in events:
        newest[event.stage, event.take] = max(event.attempt, newest.get((event.stage, event.take), 0))
    standing = (event for event in events if not event.attempt or event.attempt == newest[event.stage, event.take])
    by_name = {event.data.filename: event.data for event in standing if isinstance(event.data, Entity)}
    return sorted(by_name.values(), key=lambda entity: (entity.number, entity.take, entity.name, entity.filename))


def warnings(journal: Journal, run_id: str) -> list[dict[str, Any]]:
    """What the user must be told, with the stage it belongs to."""
    return [{"stage": event.stage, **event.data.as_json()} for event in journal.events(run_id, "warning")]


def seconds_between(start_at: str | None, end_at: str | None) -> float | None:
    """Seconds from one stamp of the journal to another, never below 0; None where one is missing."""
    if start_at is None or end_at is None:
        return None
    return max(0.0, round((datetime.fromisoformat(end_at) - datetime.fromisoformat(start_at)).total_seconds(), 3))


def _resolved(plan: Plan, rows: Sequence[PartRow]) -> dict[str, Any]:
    """Everything that was defaulted, drawn or chosen."""
    outputs = []
    for stage in plan.stages:
        if stage.output is None:
            continue
        takes = [row.result for row in rows if isinstance(row, TakeRow) and row.stage == stage.name]
        first = takes[0] if takes else TakeResult()
        used = first.model_dump(include={"config_used", "variant", "preset", "backend", "graph_sha256"})
        values = [take.values for take in takes] or list(stage.output.options[0].takes)
        brief = {"brief": stage.output.brief, "applied": _applied(stage.output, first)}
        outputs.append({"stage": stage.name, "config": stage.output.config, **used, **brief, "values": values})
    return {
        "schema": plan.schema_,
        "pipeline": plan.pipeline,
        "seed": plan.seed,
        "safety_level": plan.safety_level,
        "execution_mode": plan.execution_mode,
        "preset": plan.preset,
        "outputs": outputs,
    }


def _applied(output: OutputPlan, result: TakeResult) -> list[dict[str, Any]]:
    """What the way that was used took from the brief."""
    used = next((option for option in output.options if option.key == result.option), output.options[0])
    return [one.model_dump() for one in used.brief]


def _stage(stage: StagePlan, rows: Sequence[PartRow]) -> dict[str, Any]:
    own = [row for row in rows if row.stage == stage.name]
    main = next((row for row in own if isinstance(row, StageRow)), None)
    told: dict[str, Any] = {"name": stage.name, "kind": stage.kind, "state": main.state if main else "waiting"}
    if main:
        times = {"started_at": main.started_at, "ended_at": main.ended_at}
        told |= {**times, "seconds": seconds_between(main.started_at, main.ended_at), "result": main.result.as_json()}
    takes = [row for row in own if isinstance(row, TakeRow)]
    if takes:
        told["takes"] = [_take(row) for row in takes]
    attempts = [row for row in own if isinstance(row, AttemptRow)]
    if attempts:
        told["attempts"] = [_attempt(row) for row in attempts]
    return told


def _take(row: TakeRow) -> dict[str, Any]:
    times = {"started_at": row.started_at, "ended_at": row.ended_at}
    return {"take": row.take, "state": row.state, **times, "result": row.result.as_json()}


def _attempt(row: AttemptRow) -> dict[str, Any]:
    told = {"take": row.take, "attempt": row.attempt, "state": row.state, "backend": row.backend}
    times = {"started_at": row.started_at, "ended_at": row.ended_at}
    return {**told, "prompt_id": row.prompt_id, **times, "result": row.result.as_json()}
