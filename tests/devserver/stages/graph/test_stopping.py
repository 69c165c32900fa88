from __future__ import annotations

import pytest

from devserver.model.results import Withdrawal
from devserver.stages.graph.job import Job
from devserver.stages.graph.stopping import take_back
from devserver.stages.walk import Walk
from schemas.node_table import NodeTable
from tests.comfy import backend as scripted


@pytest.mark.parametrize(("where", "did"), [("running", "interrupted"), ("pending", "deleted")])
async def test_what_became_of_a_prompt_is_written_down(
    walk: Walk, job: Job, host: scripted.Backend, where: str, did: str
) -> None:
    setattr(host, where, [job.prompt_id])
    job.backend.state, job.backend.table = "up", NodeTable({})
    assert await take_back(walk, job) == Withdrawal(confirmed=True, did=[did])
    assert host.running + host.pending == []


async def test_a_prompt_that_had_ended_already_needs_nothing(walk: Walk, job: Job) -> None:
    assert await take_back(walk, job) == Withdrawal(confirmed=True, did=[])


async def test_a_backend_that_gives_no_answer_is_told_with_the_prompt_that_may_go_on(
    walk: Walk, job: Job, host: scripted.Backend
) -> None:
    await host.stop()
    done = await take_back(walk, job)
    assert (done.confirmed, done.did, bool(done.problem)) == (False, [], True)
    (warning,) = await walk.read(lambda reading: reading.warnings(walk.run.run_id))
    assert (warning.code, warning.stage) == ("not_stopped_1_1", "generation")
    assert warning.as_json().items() >= {"backend": "studio", "prompt_id": job.prompt_id}.items()
