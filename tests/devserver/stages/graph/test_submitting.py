from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from devserver.backends.sources import Address, Backend
from devserver.errors import Fenced
from devserver.stages.graph.job import Job
from devserver.stages.graph.nodes import NodeTimes
from devserver.stages.graph.submitting import submit
from devserver.walk import Walk
from tests.comfy import backend as scripted


@pytest.fixture
async def host() -> AsyncIterator[scripted.Backend]:
    host = scripted.Backend()
    await host.start()
    yield host
    await host.stop()


@pytest.fixture
async def job(walk: Walk, host: scripted.Backend) -> AsyncIterator[Job]:
    backend = Backend(Address("studio", "comfyui", host.url))
    output = walk.plan.outputs[0]
    place = walk.place("generation", 1, 1)
    yield Job(place, backend, output, output.options[0], scripted.GRAPH, "", {}, {}, NodeTimes(walk.tools.clock))
    await backend.client.close()


async def test_a_walk_that_owns_its_run_submits(walk: Walk, job: Job, host: scripted.Backend) -> None:
    await submit(walk, job, scripted.GRAPH)
    assert [prompt["prompt_id"] for prompt in host.submitted] == [job.prompt_id]


async def test_a_walk_that_lost_its_run_submits_nothing(walk: Walk, job: Job, host: scripted.Backend) -> None:
    await walk.tools.journal.begin_run(walk.run.run_id)
    with pytest.raises(Fenced):
        await submit(walk, job, scripted.GRAPH)
    assert host.submitted == []
    assert host.requests == []
