"""Submitting an attempt's prompt, by a process that may have lost the run while it was about to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from devserver.comfy.cancel import cancel
from devserver.comfy.errors import BackendError
from devserver.processes.finish import finish
from devserver.stages.graph.job import Job
from devserver.stages.walk import Walk
from schemas.graph import Graph

TAKEN_BACK_WITHIN_S: Final = 10.0


async def submit(walk: Walk, job: Job, bound: Graph) -> None:
    """Submit a prompt, unless another process has taken the run over; if one has done so just now, take it back.

    Raises:
        Fenced: the run is another's.
        BackendError: as the client says.
    """
    leases, backend = walk.tools.journal.leases, job.backend
    await leases.check(job.place.run_id, job.place.generation)
    sending = asyncio.create_task(backend.client.submit(bound, job.prompt_id, backend.follower.client_id))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        # Half a request cannot be called back: the backend might take it after it was asked whether it has it.
        await asyncio.wait({sending}, timeout=TAKEN_BACK_WITHIN_S)
        if sending.done():
            sending.exception()
        raise
    finally:
        # A heartbeat that finds the run lost cancels this walk just now.
        await finish(asyncio.ensure_future(_take_back_if_lost(walk, job)))


async def _take_back_if_lost(walk: Walk, job: Job) -> None:
    """Cancel a prompt whose run another process has taken over, unless that process still follows it."""
    if await walk.tools.journal.leases.owns(job.place.run_id, job.place.generation):
        return
    row = await walk.tools.journal.stage(job.place)
    if row is not None and row.state != "running":
        with suppress(BackendError):
            await cancel(job.backend.client, job.prompt_id, TAKEN_BACK_WITHIN_S)
