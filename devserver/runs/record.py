"""The record: `metadata.json` in the run's folder. Complete, atomic, and enough to run it again."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from devserver.durable.journal import Journal
from devserver.durable.lease import is_owner
from devserver.durable.reading import Reading
from devserver.durable.writing import NewRun, Writing
from devserver.errors import DatabaseGone, Fenced
from devserver.errors.disk import ExportsGone, JournalFault, disk_trouble
from devserver.errors.sentences import say
from devserver.files import pieces
from devserver.files.exports import RECORD, Exports
from devserver.model.entity import Entity, text_entity
from devserver.model.events import Measurement, RunWarning
from devserver.model.failure import Failure
from devserver.model.plan import Plan, read_plan, write_plan
from devserver.model.record import Record, build_record
from devserver.model.rows import PartRow, RunRow, RunState, TakeRow
from devserver.processes.finish import finish as finish_work
from devserver.queueing.expected import around
from devserver.stages.walk import Walk

KEPT_AFTER_S: Final = 1.0  # a run that is over by then has one record, its last

log = logging.getLogger(__name__)


def prepare(exports: Exports, plan: Plan) -> NewRun:
    """Make the folder of a run with its plan and its text; return the run as the journal takes it."""
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
    entities = [
        text_entity(name, content, number=number, type=kind)
        for name, content in texts.items()
        for number, kind in [kinds[name]]
    ]
    return NewRun(
        plan.run_id,
        user_id=plan.user_id,
        title=plan.title,
        schema=plan.schema_,
        output_config=", ".join(output.config for output in plan.outputs),
        plan=write_plan(plan),
        created_at=plan.created_at,
        entities=entities,
        text=plan.input_text,
    )


async def discard_prepared(journal: Journal, exports: Exports, before_s: float) -> None:
    """Delete the folders of runs that a kill kept from being accepted, and what it left half written.

    Where the journal knows no run, but there are records of some, it is a new one: nothing is deleted.
    """
    has_runs = await journal.read(lambda reading: reading.has_runs())
    if not has_runs and (records := await asyncio.to_thread(exports.count_records)):
        how = "`python server.py doctor --rebuild` reads them"
        log.warning("The journal in %s is new, and beside it are %d records of runs: %s", exports.root, records, how)
        return
    for run_id in await asyncio.to_thread(lambda: list(exports.unfinished(before_s))):
        if await journal.run(run_id) is None:
            await asyncio.to_thread(exports.discard, run_id)


async def write(journal: Journal, exports: Exports, run_id: str) -> None:
    """Write the record as the journal has it now."""
    content = await journal.read(lambda reading: _content(reading, reading.run(run_id)))
    if content is not None:
        await asyncio.to_thread(exports.write, run_id, RECORD, content)


def _content(reading: Reading, row: RunRow | None) -> bytes | None:
    return build(row, read_contents(reading, row.run_id)).as_file() if row is not None else None


class Keeper:
    """Keeps a run's record up to date beside the work: what changes together is written once, a moment later.

    A write that fails costs nothing but that: the last record, which `finish` writes, must succeed.
    """

    def __init__(self, journal: Journal, exports: Exports, run_id: str) -> None:
        self._journal, self._exports, self._run_id = journal, exports, run_id
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def touch(self) -> None:
        """Write the record soon: the journal knows more of the run."""
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
            await write(self._journal, self._exports, self._run_id)
        except (OSError, DatabaseGone, JournalFault) as e:
            log.warning("%s: its record could not be written: %s", self._run_id, e)

    async def settle(self) -> None:
        """Write nothing more: what is being written is written, also where the walk is cancelled meanwhile."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await finish_work(self._writing)


async def restore(journal: Journal, exports: Exports, run_id: str) -> None:
    """Write the record of a run that has ended once more: a walk that had lost it may have written over it."""
    row = await journal.run(run_id)
    if row is not None and row.ended:
        await write(journal, exports, run_id)


@dataclass(frozen=True)
class Contents:
    """The journal's rows and events of a run, besides its own row."""

    parts: list[PartRow]
    entities: list[Entity]
    measurements: list[Measurement]
    warnings: list[RunWarning]


OnEnd = Callable[[RunRow, Contents], None]


def ignore_end(_row: RunRow, _contents: Contents) -> None:
    """Do nothing at the end of a run."""


async def finish(walk: Walk, state: RunState, error: Failure | None, on_end: OnEnd = ignore_end) -> None:
    """End a run: the final record, then the journal, so that who hears of the end finds the record complete.

    `on_end` is called with what there is of the run once its end is committed, before anybody hears of it.
    """
    tools, run_id, ended_at = walk.tools, walk.run.run_id, walk.tools.clock.stamp()
    row = replace(walk.run, state=state, ended_at=ended_at, error=error)
    contents = await walk.ledger.write(lambda writing: _read_final(writing, walk))
    has_pieces = True
    try:
        has_pieces = await asyncio.to_thread(_write_final, tools.exports, walk.plan, row, contents)
    except OSError as e:
        if (trouble := disk_trouble(e)) is None:
            raise
        await walk.warn(walk.place(), say("record_late", problem=trouble.said))
        contents = await walk.ledger.write(lambda writing: _read_final(writing, walk))
        tools.late.add(run_id)
    made = [part for part in contents.parts if isinstance(part, TakeRow)] if state == "success" else []
    around_s = around(row.created_at, ended_at, [(take.started_at, take.ended_at) for take in made if take.ended_at])

    def end(writing: Writing) -> bool:
        left_places = writing.end_run(walk.place(), state, ended_at, row.error, walk.text)
        if around_s is not None:
            tools.expected.learn_around(writing.tx, run_id, around_s)
        return left_places

    def ended(left_places: bool) -> None:
        on_end(row, contents)
        tools.turns.ended(run_id, left_places=left_places)

    walk.ledger.later(end, ended)
    await walk.ledger.flush()
    if has_pieces:
        await tools.streams.delete_pieces(run_id)


def _read_final(reading: Reading, walk: Walk) -> Contents:
    """Read all of a run that ends.

    Raises:
        Fenced: another process has taken the run over.
    """
    if not is_owner(reading.tx, walk.run.run_id, walk.run.generation):
        raise Fenced(f"run {walk.run.run_id} is walked by another worker now")
    return read_contents(reading, walk.run.run_id)


def _write_final(exports: Exports, plan: Plan, row: RunRow, contents: Contents) -> bool:
    """Write the last record, and delete the run's files that other formats were made from as the backend got them.

    Returns:
        Whether there are pieces of the run, which are deleted later.
    """
    exports.write(row.run_id, RECORD, build(row, contents).as_file())
    sources = {reference.stage for stage in plan.media for reference in stage.inputs.values()}
    read = [entity for entity in contents.entities if entity.stage in sources]
    exports.clear_embedded(row.run_id, [f"{entity.sha256}{PurePosixPath(entity.filename).suffix}" for entity in read])
    return pieces.exist(exports, row.run_id)


def read_contents(reading: Reading, run_id: str) -> Contents:
    """Read everything of a run."""
    measured = reading.events(run_id, "measurement")
    return Contents(
        reading.stages(run_id),
        reading.entities(run_id),
        [event.data for event in measured if isinstance(event.data, Measurement)],
        reading.warnings(run_id),
    )


def build(row: RunRow, contents: Contents) -> Record:
    """Return the record of a run, from the journal alone."""
    return build_record(
        row,
        read_plan(row.plan),
        contents.parts,
        entities=contents.entities,
        measurements=contents.measurements,
        warnings=contents.warnings,
    )
