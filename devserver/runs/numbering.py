"""The number 07 of a run that has made everything: the first of the pipeline's main stages that made a file has it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from devserver.stages.planning import MAIN_NUMBER
from devserver.stages.walk import Walk


async def number_main(walk: Walk) -> None:
    """Give the number 07 to a later main stage where the one that was to have it made no main file.

    A kill at any moment leaves the file under one of the two names, and the next walk does the rest.

    Raises:
        Fenced: another process has taken the run over.
    """
    if len(walk.plan.main_stages) < 2:
        return
    run_id = walk.run.run_id
    entities = await walk.read(lambda reading: reading.entities(run_id))
    if any(entity.number == MAIN_NUMBER for entity in entities):
        return
    stage = walk.plan.main_made(entities)
    folder = walk.tools.exports.folder(run_id)
    await walk.tools.journal.leases.check(run_id, walk.run.generation)
    for entity in entities:
        if (entity.stage, entity.role) == (stage, "main"):
            name = f"{MAIN_NUMBER:02d}{entity.filename.removeprefix(f'{entity.number:02d}')}"
            await asyncio.to_thread(_rename, folder / entity.filename, folder / name)
            renamed = entity.model_copy(update={"number": MAIN_NUMBER, "filename": name, "replaces": entity.filename})
            await walk.ledger.add_event(walk.place(stage, entity.take), renamed, key=name)


def _rename(before: Path, after: Path) -> None:
    if before.exists():  # else a walk that was killed has done it
        before.replace(after)
