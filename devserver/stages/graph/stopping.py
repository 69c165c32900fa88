"""Taking a prompt back from its backend when its run is cancelled, and writing down whether it really stopped."""

from __future__ import annotations

from typing import Final

from devserver.comfy.cancel import cancel
from devserver.comfy.errors import BackendError
from devserver.errors.sentences import say
from devserver.model.results import Withdrawal
from devserver.stages.graph.job import Job
from devserver.stages.walk import Walk

CONFIRMED_WITHIN_S: Final = 60.0  # a node stops where it looks for the interruption, which may be a while away


async def take_back(walk: Walk, job: Job) -> Withdrawal:
    """Delete or interrupt an attempt's prompt, by its id, and read back that the backend has it no more.

    Returns:
        For the attempt's result; with `problem` where the backend ignored it or gave no answer. A warning says so
        then, and nothing that the prompt makes all the same is taken in.
    """
    place, name = job.place, job.backend.name
    try:
        done = await cancel(job.backend.client, job.prompt_id, CONFIRMED_WITHIN_S if job.backend.up else 0.0)
    except BackendError as e:
        walk.tools.turns.give_up(walk.ledger, name, job.prompt_id)
        said, code = say("not_stopped", backend=name, problem=e.said), f"not_stopped_{place.take}_{place.attempt}"
        await walk.warn(place, said, code=code, backend=name, prompt_id=job.prompt_id)
        return Withdrawal(confirmed=False, problem=str(e))
    return Withdrawal(confirmed=True, did=list(done.did))
